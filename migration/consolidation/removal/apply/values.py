"""The effect of a removal on a tree, before it is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A file to remove."""

    path: str
    reason: str
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalChange:
    """A file that stays and is edited."""

    path: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Left:
    """A place where a person has to decide or do something first."""

    path: str
    line: int  #: in the file before the removal, from 1; 0: the file as a whole
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPlan:
    """The files to remove, the files to edit, and the places that are left to a person."""

    surfaces: tuple[str, ...]  #: the surfaces whose control is removed
    whole: bool  #: the migration is removed too
    deleted: tuple[Deletion, ...]  #: in the order of removal: a file comes before the files that it needs
    edited: tuple[RemovalChange, ...]  #: sorted by path, the manifest last
    left: tuple[Left, ...]  #: sorted by path and line; (): the plan can be carried out

    def after(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the tree after the removal."""
        kept = dict(files)
        for deletion in self.deleted:
            kept.pop(deletion.path, None)
        return kept | {change.path: change.after for change in self.edited}


@dataclass(slots=True)
class Gone:
    """The removed names that are known so far."""

    files: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)  #: remaining file -> top-level names that it loses
    fixtures: dict[str, set[str]] = field(default_factory=dict)  #: folder of a `conftest.py`, ends with "/" -> fixtures that it loses
