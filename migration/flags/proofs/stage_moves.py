"""Moves of tenants from one stage to another."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from migration.model import Stage
from migration.stages import STAGE_ORDER

Pair = tuple[Stage, Stage]
"""The stages of a tenant before and after an edit."""

_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The tenants that an edit moves from one stage to another."""

    surface: str
    before: Stage
    after: Stage
    percent: float  #: percentage of the tenants without a target or a matching rule; 0: none of these tenants moves
    tenants: tuple[str, ...]  #: known tenants, sorted
    others: tuple[str, ...] = ()  #: other tenants, in words, e.g. "whom rule 2 matches"

    @property
    def backward(self) -> bool:
        """Whether the move leads to an earlier stage."""
        return STAGE_ORDER.index(self.after) < STAGE_ORDER.index(self.before)

    @property
    def who(self) -> str:
        """The moved tenants in words, e.g. "10 % of the tenants, among those known acme"."""
        names = named(self.tenants)
        if self.percent:
            names = f"{self.percent:g} % of the tenants" + (f", among those known {names}" if names else "")
        return "; ".join(part for part in (names, *self.others) if part)


@dataclass(slots=True)
class Found:
    """The results of evaluations, from which the moves are made."""

    surface: str
    percents: dict[Pair, float] = field(default_factory=lambda: defaultdict(float))
    names: dict[Pair, list[str]] = field(default_factory=lambda: defaultdict(list))
    others: dict[Pair, list[str]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def moves(self) -> tuple[Move, ...]:
        """Return the moves, sorted by the stage at which they start."""
        pairs = {pair for pair in (*self.percents, *self.names, *self.others) if pair[0] is not pair[1]}
        return tuple(
            Move(
                surface=self.surface,
                before=old,
                after=new,
                percent=round(self.percents.get((old, new), 0.0), 3),
                tenants=tuple(sorted(self.names.get((old, new), ()))),
                others=tuple(dict.fromkeys(self.others.get((old, new), ()))),
            )
            for old, new in sorted(pairs, key=lambda pair: (STAGE_ORDER.index(pair[0]), STAGE_ORDER.index(pair[1])))
        )


def named(tenants: Sequence[str]) -> str:
    """Return a few of the names, and how many more there are."""
    return ", ".join(tenants[:_NAMED]) + (f" and {len(tenants) - _NAMED:,} more" if len(tenants) > _NAMED else "")
