"""Runs each recorded run through both engines, offline, on the recorded journal, and compares the results.

`running.py` runs the engines, `fidelity.py` checks whether control reproduces the recording, and `report.py` counts the results.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.replay.report import FoundDivergence, Report
    from migration.replay.running import Replay
    from migration.replay.strictness import Strictness
else:
    __getattr__ = front(__name__, {"FoundDivergence": "report", "Replay": "running", "Report": "report", "Strictness": "strictness"})

__all__ = ["FoundDivergence", "Replay", "Report", "Strictness"]
