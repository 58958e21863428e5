"""Decides whether the history of tenants allows them to enter a stage."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from migration.errors import HistoryMissingError
from migration.model import Stage
from migration.stages import Store
from migration.stores.coverage import Coverage

#: Stores that must contain every run of a tenant at that stage. From `shadow`, tenants move to stages that read either store, so `shadow`
#: needs both.
NEEDED: Final[Mapping[Stage, tuple[Store, ...]]] = MappingProxyType(
    {
        Stage.OFF: ("legacy",),
        Stage.DUALWRITE: ("legacy",),
        Stage.SHADOW: ("legacy", "user"),
        Stage.LIVE: ("user",),
        Stage.RAMPDOWN: ("user",),
        Stage.COMPLETE: ("user",),
    }
)
_NAMED = 5


def check_history(
    surface: str,
    stages: Iterable[Stage],
    before: Callable[[str], Stage],
    after: Callable[[str], Stage],
    coverage: Coverage,
) -> None:
    """Refuse moves of tenants to a stage unless the stores that the stage reads from contain their history.

    Args:
        surface: the tenants' surface.
        stages: the stages that tenants enter.
        before: returns a tenant's stage before the move.
        after: returns a tenant's stage after the move.
        coverage: knows whether the stores are complete.

    Raises:
        HistoryMissingError: a store is not proved to have every run, or lacks runs of a tenant that moves; the message names the
            command to run.
        OutboxError: the facts about the stores cannot be read.
    """
    for stage in stages:
        for store in NEEDED[stage]:
            if (reason := coverage.unproved_now(surface, store)) is not None:
                raise HistoryMissingError(surface, stage.value, store, reason)
            gaps = coverage.gaps_now(surface, store)
            moving = [tenant for tenant in gaps if before(tenant) is not stage and after(tenant) is stage]
            if moving:
                named = ", ".join(moving[:_NAMED]) + (f" and {len(moving) - _NAMED} more" if len(moving) > _NAMED else "")
                raise HistoryMissingError(surface, stage.value, store, f"it lacks runs of {named}")
