"""Recorded runs through both engines, offline: each on the recorded journal, then side by side.

`running.py` runs, `fidelity.py` says whether control reproduces a recording at all, `report.py` counts what was found.
"""

from migration.replay.report import FoundDivergence, Report, Strictness
from migration.replay.running import Replay

__all__ = ["FoundDivergence", "Replay", "Report", "Strictness"]
