"""The check of a box on a tree. The kinds are in the other modules of this package; `configuration` lists them."""

import shlex
from abc import abstractmethod
from collections.abc import Iterable, Sequence

import msgspec

from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.tree import TrackedTree


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab", tag_field="check"):
    """One question that the files of a tree alone answer, so every clone gives the same answer."""

    text: str  #: a sentence that is true if the box is ticked

    @abstractmethod
    def judge(self, tree: TrackedTree) -> Judgement:
        """Return the answer.

        Raises:
            MigrationError, OSError, ValueError: the evidence cannot be read; the box stays empty and says why.
        """

    @property
    @abstractmethod
    def command(self) -> str:
        """The command that repeats the evidence, for a shell in the tree's folder."""


def shell(*words: str) -> str:
    """Return the words as a shell command, quoted where needed."""
    return shlex.join(words)


def code(text: str) -> str:
    """Return a name as it is written in evidence."""
    return f"`{text}`"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the names as part of a sentence: the first ones, and how many more there are."""
    shown = [code(name) for name in names[:most]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1] if shown else ""]))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 file`, `2 files`, `no file`."""
    return f"{number or 'no'} {one if number < 2 else many or one + 's'}"  # noqa: PLR2004 - two are many


def judgement(faults: Iterable[str], fine: str) -> Judgement:
    """Return a ticked box if there are no faults, otherwise an empty box that names them."""
    found = list(faults)
    return Judgement(not found, f"{'; '.join(found)}." if found else fine)
