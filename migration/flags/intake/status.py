"""How well flags can be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagStatus:
    """How well flags can be read."""

    source: str  #: where they come from, e.g. "file:var/flags.json"
    up: bool  #: False: it cannot be read, or the last known state of one of our flags holds
    age_s: float | None  #: seconds since the source was last found good; None: never
    version: int  #: sum of the versions of the flags that hold; 0: none is known
    error: str | None  #: what is wrong and what holds instead, also while `up` (a flag that this process does not need); None: nothing
    from_snapshot: bool  #: whether the flags that hold are those that a process before left behind
