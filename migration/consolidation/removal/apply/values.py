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
    """A file that stays and loses something."""

    path: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Left:
    """Something that a person has to decide or do first."""

    path: str
    line: int  #: of the file as it is, from 1; 0: the file as a whole
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPlan:
    """What is removed, what is edited, and what is left to a person."""

    surfaces: tuple[str, ...]  #: those whose control is removed
    whole: bool  #: the migration is removed too
    deleted: tuple[Deletion, ...]  #: what needs others before what it needs: the order in which they can go
    edited: tuple[RemovalChange, ...]  #: by path, the manifest last
    left: tuple[Left, ...]  #: by path and line; () when the plan can be carried out

    def after(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the tree as it is afterwards."""
        kept = dict(files)
        for deletion in self.deleted:
            kept.pop(deletion.path, None)
        return kept | {change.path: change.after for change in self.edited}


@dataclass(slots=True)
class Gone:
    """The removed names, as far as they are known."""

    files: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)  #: file that stays -> top-level names that it loses
    fixtures: dict[str, set[str]] = field(default_factory=dict)  #: folder with "/" at its end, of a `conftest.py` -> fixtures that it loses
