"""The conditions for removing control of a surface, and whether they are met."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import msgspec

CriterionName = Literal["complete", "no_legacy_run", "strata", "ledger", "consumers", "strings", "flags", "backfill"]

CRITERIA: Final[tuple[CriterionName, ...]] = get_args(CriterionName)
"""All of them have to be met. In the order in which they are checked and shown."""


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One criterion. A question that cannot be answered is not met."""

    name: CriterionName
    met: bool
    detail: str  #: a sentence: what was seen and, if it is not met, what to do next
    evidence: dict[str, Any]  #: what the sentence rests on, as JSON


class SurfaceReadiness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether control of one surface may be removed."""

    surface: str
    ready: bool  #: every criterion was checked and is met
    criteria: tuple[Criterion, ...]

    @classmethod
    def of(cls, surface: str, criteria: Sequence[Criterion]) -> "SurfaceReadiness":
        """Return what these criteria mean for the surface; they are put into the order of `CRITERIA`."""
        return cls(surface=surface, ready=all_met(criteria), criteria=tuple(sorted(criteria, key=lambda one: CRITERIA.index(one.name))))

    @property
    def unmet(self) -> tuple[Criterion, ...]:
        """Those that are not met."""
        return tuple(criterion for criterion in self.criteria if not criterion.met)


def all_met(criteria: Sequence[Criterion]) -> bool:
    """Return whether each of `CRITERIA` is there once, and met."""
    return sorted(one.name for one in criteria) == sorted(CRITERIA) and all(one.met for one in criteria)
