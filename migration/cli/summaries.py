"""The summaries of the commands, for the list of commands: to show this list, no command has to be imported. A test compares them with the
commands.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SUMMARIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "demo": "Show the migration at work, with the project's own demo.",
        "status": "Show stages, verdicts and ledgers of all surfaces, and the processes that serve them.",
        "stage": "Show or move the stage of a surface, of a percentage of its tenants, or of one tenant.",
        "ramp": "Preview a step of a ramp before it is taken.",
        "rollout": "Move surfaces along their ramps, or simulate a ramp.",
        "shadow": "Show or change the percentage of runs that are shadowed.",
        "failover": "Show or change whether control resumes runs that their candidate fails.",
        "kill": "Change the kill switch, wait at most 3 s for the processes, and report what they do. Current runs end as they began.",
        "history": "Show every edit of the flags, also without this tool, every change of the kill switch, and every process that died.",
        "doctor": "Check package, configuration, engines, flags, boundary, worker, stores, clocks and metrics, and say what to do.",
        "init": (
            "Write a commented section of pyproject.toml, a surface's file and, from a recorded run, a first parity test. "
            "Nothing is overwritten."
        ),
        "divergences": "List the kinds of divergences, show one with examples, accept one with reason and expiry.",
        "replay": "Run recorded runs through control and candidate and compare them. No model is asked, no tool is called.",
        "backfill": (
            "Copy a surface's finished runs into one run store, verified by count and digest per tenant. Stages from `shadow` on need it."
        ),
        "evidence": "Export recorded runs from the evidence, remove old data, downgrade its schema.",
        "erase": (
            "Remove a tenant's or a user's data from run stores, outbox, evidence, recordings and known tenants, and search "
            "every file for it."
        ),
        "worker": "Run shadows for a backend. The backend starts this process and gives it two pipes.",
        "audit": "Find every implementation of the engine family and everything that uses it.",
        "tracker": "Show the progress of the consolidation, in steps 0 to 6. Each box is ticked by evidence, none by hand.",
        "codemod": (
            "Rewrite the consumers of legacy implementations to the target where that is certain, and report the places where it is not."
        ),
        "guard": "Fail on a new implementation, or a new consumer of one that has to be removed.",
        "removal": "Check whether control of a surface may be removed, certify it, verify the certificate, and remove it.",
    }
)
