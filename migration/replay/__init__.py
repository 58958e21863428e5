"""Runs each recorded run through both engines, offline, on the recorded journal, and compares the results.

`running.py` runs the engines, `fidelity.py` checks whether control reproduces the recording, and `report.py` counts the results.
"""

from migration.replay.report import FoundDivergence, Report, Strictness
from migration.replay.running import Replay

__all__ = ["FoundDivergence", "Replay", "Report", "Strictness"]
