"""A run's calls to the outside: performed and recorded while it serves, answered from the record while it shadows.

Ports call `perform` and `perform_now`; the facade opens a `recording`; the shadow answers from a `ReplayJournal`.
"""

from migration.effects.journal import JournalLimits
from migration.effects.keys import effect_key, with_keys
from migration.effects.logs import tape_served_logs, taped_logs
from migration.effects.misses import BLOCK, MissPolicy
from migration.effects.outcome import outcome_of_failure
from migration.effects.ports import Canary, canary, perform, perform_now, run_ended
from migration.effects.reads import Reads
from migration.effects.recording import Recording, recording
from migration.effects.replaying import ReplayJournal, Tally

__all__ = [
    "BLOCK",
    "Canary",
    "JournalLimits",
    "MissPolicy",
    "Reads",
    "Recording",
    "ReplayJournal",
    "Tally",
    "canary",
    "effect_key",
    "outcome_of_failure",
    "perform",
    "perform_now",
    "recording",
    "run_ended",
    "tape_served_logs",
    "taped_logs",
    "with_keys",
]
