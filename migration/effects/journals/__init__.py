"""Journals: written while a run serves; they answer the effects when the run is replayed.

For the facade, the shadow and replays; engines use ports.

`Recording` is the tape of a served run, `ReplayJournal` answers a shadow's effects from it, and `ResumedRecording` does both. `MissPolicy`
decides what happens to an effect that a journal lacks, and `Guard` refuses contact with the outside. `activate` of `effects.ports` makes
one of them current.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.effects.journals.advice import port_for
    from migration.effects.journals.guard import Guard
    from migration.effects.journals.http_record import http_answered, http_asked, readable
    from migration.effects.journals.journal import JournalLimits
    from migration.effects.journals.keys import effect_key, with_keys
    from migration.effects.journals.log_tape import LogTape
    from migration.effects.journals.logs import tape_served_logs, taped_logs
    from migration.effects.journals.misses import BLOCK, MissPolicy
    from migration.effects.journals.outcome import outcome_of_failure
    from migration.effects.journals.reads import Reads
    from migration.effects.journals.recording import Recording
    from migration.effects.journals.replaying import Pacing, ReplayJournal, Tally, is_replayed
    from migration.effects.journals.resuming import ResumedRecording
    from migration.effects.journals.threads import follow_threads
else:
    __getattr__ = front(
        __name__,
        {
            "BLOCK": "misses",
            "Guard": "guard",
            "JournalLimits": "journal",
            "LogTape": "log_tape",
            "MissPolicy": "misses",
            "Pacing": "replaying",
            "Reads": "reads",
            "Recording": "recording",
            "ReplayJournal": "replaying",
            "ResumedRecording": "resuming",
            "Tally": "replaying",
            "effect_key": "keys",
            "follow_threads": "threads",
            "http_answered": "http_record",
            "http_asked": "http_record",
            "is_replayed": "replaying",
            "outcome_of_failure": "outcome",
            "port_for": "advice",
            "readable": "http_record",
            "tape_served_logs": "logs",
            "taped_logs": "logs",
            "with_keys": "keys",
        },
    )

__all__ = [
    "BLOCK",
    "Guard",
    "JournalLimits",
    "LogTape",
    "MissPolicy",
    "Pacing",
    "Reads",
    "Recording",
    "ReplayJournal",
    "ResumedRecording",
    "Tally",
    "effect_key",
    "follow_threads",
    "http_answered",
    "http_asked",
    "is_replayed",
    "outcome_of_failure",
    "port_for",
    "readable",
    "tape_served_logs",
    "taped_logs",
    "with_keys",
]
