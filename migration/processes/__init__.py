"""The running processes: the reports of servers and workers, the flags that they follow, deaths of processes, and the known tenants."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.processes.confirmation import Confirmation, confirm
    from migration.processes.control import ask, control_folder
    from migration.processes.facts import Facts
    from migration.processes.fleet_gauges import HistoryGauges, ProcessGauges, WatchedStages
    from migration.processes.followed import FollowedFlags
    from migration.processes.heartbeat import Heartbeat
    from migration.processes.held_by import HeldBy
    from migration.processes.identity import code_version, engines_build
    from migration.processes.row import ProcessRow, Told, Unreadable
    from migration.processes.table import ProcessTable
    from migration.processes.tenant_list import LOOKED_AT, known_tenants, pinned
    from migration.processes.upkeep_gauges import CertificateGauge, DiskGauges, LedgerGauges
else:
    __getattr__ = front(
        __name__,
        {
            "CertificateGauge": "upkeep_gauges",
            "Confirmation": "confirmation",
            "DiskGauges": "upkeep_gauges",
            "Facts": "facts",
            "FollowedFlags": "followed",
            "Heartbeat": "heartbeat",
            "HeldBy": "held_by",
            "HistoryGauges": "fleet_gauges",
            "LOOKED_AT": "tenant_list",
            "LedgerGauges": "upkeep_gauges",
            "ProcessGauges": "fleet_gauges",
            "ProcessRow": "row",
            "ProcessTable": "table",
            "Told": "row",
            "Unreadable": "row",
            "WatchedStages": "fleet_gauges",
            "ask": "control",
            "code_version": "identity",
            "confirm": "confirmation",
            "control_folder": "control",
            "engines_build": "identity",
            "known_tenants": "tenant_list",
            "pinned": "tenant_list",
        },
    )

__all__ = [
    "LOOKED_AT",
    "CertificateGauge",
    "Confirmation",
    "DiskGauges",
    "Facts",
    "FollowedFlags",
    "Heartbeat",
    "HeldBy",
    "HistoryGauges",
    "LedgerGauges",
    "ProcessGauges",
    "ProcessRow",
    "ProcessTable",
    "Told",
    "Unreadable",
    "WatchedStages",
    "ask",
    "code_version",
    "confirm",
    "control_folder",
    "engines_build",
    "known_tenants",
    "pinned",
]
