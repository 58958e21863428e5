"""Whether flags can be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagStatus:
    """Whether flags can be read."""

    source: str  #: the source's name, e.g. "file:var/flags.json"
    up: bool  #: False: the source cannot be read, or the last known state of one of our flags is in use
    age_s: float | None  #: seconds since the source was last read successfully; None: it never was
    version: int  #: sum of the versions of the flags in use; 0: none is known
    error: str | None  #: what is wrong and what is used instead, even while `up`, for a flag not needed here; None: nothing
    from_snapshot: bool  #: whether the flags in use are from an earlier process
