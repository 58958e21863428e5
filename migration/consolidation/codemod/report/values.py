"""The result of a codemod, as values: nothing is written here."""

from dataclasses import dataclass
from pathlib import Path

from migration.consolidation.inventory import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodChange:
    """One file that is rewritten."""

    path: str
    before: bytes
    after: bytes
    modules: tuple[str, ...]  #: the legacy modules that it does not use afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something that is left to a person."""

    path: str
    line: int
    module: str  #: the legacy module; "" when it is not known which
    advice: str
    fails: bool  #: the file cannot work without the module; otherwise it only names it, or may have nothing to do with it


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodPlan:
    """The result of a codemod of a tree."""

    root: Path
    legacy: tuple[str, ...]  #: modules that have to go
    changes: tuple[CodemodChange, ...]  #: by path
    advice: tuple[Advice, ...]  #: by path and line
    problems: tuple[Problem, ...]  #: files that could not be read or parsed; nothing in them is changed

    @property
    def left(self) -> tuple[str, ...]:
        """The files that cannot work without the legacy modules, once the changes are written; sorted."""
        return tuple(sorted({item.path for item in self.advice if item.fails}))
