"""The history: an append-only log of every edit and decision and of every process that died."""

from migration.history.entry import OF_RAMPS, Entry, Kind, operator
from migration.history.log import History

__all__ = ["OF_RAMPS", "Entry", "History", "Kind", "operator"]
