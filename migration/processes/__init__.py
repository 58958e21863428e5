"""The running processes: the reports of servers and workers, the flags that they follow, deaths of processes, and the known tenants."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.processes.all_facts import facts_of
    from migration.processes.confirmation import Confirmation, confirm
    from migration.processes.control import ask, control_folder
    from migration.processes.heartbeat import Heartbeat
    from migration.processes.held_by import HeldBy
    from migration.processes.identity import code_version, engines_build
    from migration.processes.row import ProcessRow, Told, Unreadable
    from migration.processes.table import ProcessTable
    from migration.processes.tenant_list import LOOKED_AT, known_tenants, pinned
else:
    __getattr__ = front(
        __name__,
        {
            "Confirmation": "confirmation",
            "Heartbeat": "heartbeat",
            "HeldBy": "held_by",
            "LOOKED_AT": "tenant_list",
            "ProcessRow": "row",
            "ProcessTable": "table",
            "Told": "row",
            "Unreadable": "row",
            "ask": "control",
            "code_version": "identity",
            "confirm": "confirmation",
            "control_folder": "control",
            "engines_build": "identity",
            "facts_of": "all_facts",
            "known_tenants": "tenant_list",
            "pinned": "tenant_list",
        },
    )

__all__ = [
    "LOOKED_AT",
    "Confirmation",
    "Heartbeat",
    "HeldBy",
    "ProcessRow",
    "ProcessTable",
    "Told",
    "Unreadable",
    "ask",
    "code_version",
    "confirm",
    "control_folder",
    "engines_build",
    "facts_of",
    "known_tenants",
    "pinned",
]
