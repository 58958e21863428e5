"""The seam through which flags are edited: read, then write one flag, unless somebody else wrote in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from migration.flags.meaning.data import FlagData, FlagProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRead:
    """What an editor found, and with it the right to write if nobody else does first."""

    data: FlagData
    token: object  #: the editor's own: what it was that was read
    raw: bytes | None = None  #: the whole source as text; None: there is none yet, or the source is not a text
    problems: tuple[FlagProblem, ...] = ()  #: flags and segments that are there and cannot be taken; they are not in `data`


class FlagEditor(Protocol):
    """One source of flags, as somebody who edits it sees it."""

    name: str  #: e.g. "file:var/flags.json"

    def read(self) -> FlagRead:
        """Return the flags as they are now. Raises FlagSourceError."""
        ...

    def write(self, read: FlagRead, key: str, flag: Mapping[str, Any], *, comment: str) -> FlagRead:
        """Put one flag in the place of what was read, whole or not at all, and return what is there then, read anew.

        Args:
            read: what the change was made from.
            key: of the flag.
            flag: LaunchDarkly's JSON of it; its version is higher than before.
            comment: why, for sources that keep such a thing.

        Raises:
            EditConflictError: somebody wrote since `read`; nothing of this edit is there, or not all of it, as the message says.
            FlagSourceError: the source cannot be read or written; it is as it was.
        """
        ...


def what_changed(before: FlagData, after: FlagData) -> tuple[str, ...]:
    """Return a sentence for each flag and segment in which the two differ, e.g. "chat: version 7 -> 8, other fallthrough"."""
    return tuple(
        f"{what}{key}: {_difference(old.get(key), new.get(key))}"
        for what, old, new in (("", before.flags, after.flags), ("segment ", before.segments, after.segments))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def _difference(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        return "is new" if old is None else "is gone"
    names = sorted(name for name in {*old, *new} - {"version"} if old.get(name) != new.get(name))
    return f"version {old.get('version')} -> {new.get('version')}" + (f", other {', '.join(names)}" if names else "")
