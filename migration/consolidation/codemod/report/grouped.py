"""The work by hand, grouped by its cause: what to do, at how many places, and one example."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from migration.consolidation.codemod.report.values import Advice

#: Parts of a reason that differ from place to place: a file with a line, and the number of a line.
_PLACE: Final = re.compile(r"[^\s:]+\.\w+:\d+|(?<=line )\d+")


@dataclass(frozen=True, slots=True)
class AdviceGroup:
    """Places with one cause."""

    cause: str  #: what is wrong and what to do; "..." for what differs from place to place
    module: str  #: the legacy module; "" if it is not known which one
    places: tuple[Advice, ...]  #: by path and line; at least one
    fails: bool  #: at least one of the files cannot work without the module

    @property
    def files(self) -> int:
        """The number of files."""
        return len({item.path for item in self.places})

    @property
    def example(self) -> str:
        """One place, `path:line`."""
        return f"{self.places[0].path}:{self.places[0].line}"


def grouped(advice: Iterable[Advice]) -> tuple[AdviceGroup, ...]:
    """Return the groups: first those without which files fail, and of these the largest first."""
    found: dict[tuple[str, str], list[Advice]] = {}
    for item in advice:
        found.setdefault((_PLACE.sub("...", item.advice), item.module), []).append(item)
    groups = (AdviceGroup(cause, module, tuple(places), any(item.fails for item in places)) for (cause, module), places in found.items())
    return tuple(sorted(groups, key=lambda group: (not group.fails, -len(group.places), group.cause, group.module)))


def explained(advice: Iterable[Advice], place: str) -> tuple[Advice, ...]:
    """Return the advice for a place, `path:line` or `path`."""
    path, _, line = place.rpartition(":") if place.rpartition(":")[2].isdigit() else (place, "", "")
    return tuple(item for item in advice if item.path == path and line in {"", str(item.line)})
