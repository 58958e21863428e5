"""A run's calls to the outside: performed and recorded while it serves, answered from the record while it is replayed.

What an adopter imports, and nothing else: `perform` and its kin are what every port is made of; `effect` makes one of a function;
`now`, `unix_time`, `uuid4`, `randomness` and `sleep` are ports themselves; `http` has those for httpx. Ports of model SDKs lie in
`migration.adapters`. Outside of a run every port simply does what it is for.

The facade opens a `recording`; the shadow answers from a `ReplayJournal` (`replaying`): both are this package's own business.
"""

from migration.effects.functions import effect
from migration.effects.lanes import current_lane, lane
from migration.effects.ports import canary, perform, perform_now, perform_stream, perform_stream_now, run_ended
from migration.effects.values import now, randomness, sleep, unix_time, uuid4

__all__ = [
    "canary",
    "current_lane",
    "effect",
    "lane",
    "now",
    "perform",
    "perform_now",
    "perform_stream",
    "perform_stream_now",
    "randomness",
    "run_ended",
    "sleep",
    "unix_time",
    "uuid4",
]
