"""The interface for editing flags: read all flags, then write one of them. The write fails if another editor wrote after the read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from migration.flags.meaning.data import FlagData, FlagProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRead:
    """The flags that an editor read. One write can be based on them, unless another write comes first."""

    data: FlagData
    token: object  #: the state that was read; only the editor uses it
    raw: bytes | None = None  #: the whole source as text; None: it does not exist yet, or the source is not a text
    problems: tuple[FlagProblem, ...] = ()  #: flags and segments that exist and are invalid; they are not in `data`


class FlagEditor(Protocol):
    """Edits one source of flags."""

    name: str  #: e.g. "file:var/flags.json"

    def read(self) -> FlagRead:
        """Return the flags as they are now. Raises FlagSourceError."""
        ...

    def write(self, read: FlagRead, key: str, flag: Mapping[str, Any], *, comment: str) -> FlagRead:
        """Replace one flag of the state that was read, completely or not at all. Return the new state, read again.

        Args:
            read: the state on which the change is based.
            key: the flag's key.
            flag: the flag as LaunchDarkly's JSON, with a higher version than before.
            comment: the reason, for sources that store one.

        Raises:
            EditConflictError: another edit was written after `read`; this edit was not made, or not completely, as the message says.
            FlagSourceError: the source cannot be read or written; it is unchanged.
        """
        ...


def what_changed(before: FlagData, after: FlagData) -> tuple[str, ...]:
    """Return a sentence for each flag and segment that differs between the two, e.g. "chat: version 7 -> 8, other fallthrough"."""
    return tuple(
        f"{what}{key}: {_difference(old.get(key), new.get(key))}"
        for what, old, new in (("", before.flags, after.flags), ("segment ", before.segments, after.segments))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def _difference(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        return "is new" if old is None else "was removed"
    names = sorted(name for name in {*old, *new} - {"version"} if old.get(name) != new.get(name))
    return f"version {old.get('version')} -> {new.get('version')}" + (f", other {', '.join(names)}" if names else "")
