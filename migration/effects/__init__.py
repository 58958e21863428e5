"""A run's calls to the outside: performed and recorded while it serves, answered from the record while it is replayed.

Adopters import only these: `perform` and its variants are the basis of every port; `effect` turns a function into a port; `now`,
`unix_time`, `uuid4`, `randomness` and `sleep` are ports; `http` has ports for httpx. Ports of model SDKs are in
`migration.adapters`. Outside a run every port simply makes the call.

The facade opens a `Recording`, and the shadow answers from a `ReplayJournal`; both are internal and are in `journals`.
"""

from migration.effects.functions import effect
from migration.effects.lanes import current_lane, lane
from migration.effects.ports import canary, is_recorded, perform, perform_now, perform_stream, perform_stream_now, run_ended
from migration.effects.values import now, randomness, sleep, unix_time, uuid4

__all__ = [
    "canary",
    "current_lane",
    "effect",
    "is_recorded",
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
