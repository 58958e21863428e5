"""The result of a codemod, as values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from migration.consolidation.inventory import Problem

#: What holds for every change that is offered: `proof` checks it.
_CHECKED: Final = (
    "each file that compiled still compiles",
    "no name became undefined",
    "every import leads somewhere",
    "a second run finds nothing",
    "lines that no edit touches are the same",
    "the diffs can be applied",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodChange:
    """One file that is rewritten."""

    path: str
    before: bytes
    after: bytes
    modules: tuple[str, ...]  #: the legacy modules that the file no longer uses after the rewrite
    lines: frozenset[int]  #: the lines of `before` that edits touch, from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One change that is left to a person."""

    path: str
    line: int
    module: str  #: the legacy module; "" if it is not known which one
    advice: str
    fails: bool  #: True: the file cannot work without the module; False: it only names the module, or may not use it at all


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodPlan:
    """The result of a codemod of a tree."""

    root: Path
    legacy: tuple[str, ...]  #: modules that must be removed
    changes: tuple[CodemodChange, ...]  #: by path
    advice: tuple[Advice, ...]  #: changes that are left to a person, sorted by path and line
    problems: tuple[Problem, ...]  #: files that could not be read or parsed; they are not changed

    @property
    def left(self) -> tuple[str, ...]:
        """The files, sorted, that cannot work without the legacy modules after the changes are written."""
        return tuple(sorted({item.path for item in self.advice if item.fails}))

    @property
    def checked(self) -> tuple[str, ...]:
        """What `proof` found to hold for every change; () if nothing is changed."""
        return _CHECKED if self.changes else ()
