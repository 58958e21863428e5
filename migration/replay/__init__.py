"""Runs recorded runs through both engines, offline: each on the recorded journal; then they are compared.

`running.py` runs, `fidelity.py` checks whether control reproduces a recording at all, `report.py` counts the results.
"""

from migration.replay.report import FoundDivergence, Report, Strictness
from migration.replay.running import Replay

__all__ = ["FoundDivergence", "Replay", "Report", "Strictness"]
