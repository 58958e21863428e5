"""The conditions for removing control of a surface, and whether they are met."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import msgspec

CriterionName = Literal[
    "complete", "no_legacy_run", "processes", "strata", "ledger", "consumers", "strings", "flags", "eyesight", "backfill"
]

CRITERIA: Final[tuple[CriterionName, ...]] = get_args(CriterionName)
"""The criteria, in the order in which they are checked and shown. All of them must be met."""


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One criterion. A criterion that cannot be checked is not met."""

    name: CriterionName
    met: bool
    detail: str  #: a sentence: what was observed and, if the criterion is not met, what to do next
    evidence: dict[str, Any]  #: the facts behind the sentence, as JSON


class SurfaceReadiness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether control of one surface may be removed."""

    surface: str
    ready: bool  #: every criterion was checked and is met
    criteria: tuple[Criterion, ...]

    @classmethod
    def of(cls, surface: str, criteria: Sequence[Criterion]) -> "SurfaceReadiness":
        """Return the surface's readiness by these criteria, which are put into the order of `CRITERIA`."""
        return cls(surface=surface, ready=all_met(criteria), criteria=tuple(sorted(criteria, key=lambda one: CRITERIA.index(one.name))))

    @property
    def unmet(self) -> tuple[Criterion, ...]:
        """The criteria that are not met."""
        return tuple(criterion for criterion in self.criteria if not criterion.met)


def all_met(criteria: Sequence[Criterion]) -> bool:
    """Return whether these are exactly `CRITERIA`, each once, and all are met."""
    return sorted(one.name for one in criteria) == sorted(CRITERIA) and all(one.met for one in criteria)
