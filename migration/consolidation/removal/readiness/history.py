"""Whether the user store has every run of the surface. The run stores' state gives the answer."""

from collections.abc import Mapping, Sequence

from migration.consolidation.removal.readiness.criteria import Criterion
from migration.stores import Gap, Lag

_SHOWN = 5


def backfill(surface: str, *, kept: bool, unproved: str | None, gaps: Mapping[str, Gap], lags: Sequence[Lag]) -> Criterion:
    """Return the criterion that a backfill of the user store was verified, and that no run is missing since.

    Args:
        surface: the surface whose runs are meant.
        kept: whether the backend stores finished runs at all.
        unproved: why it is not proved that the surface's user store has every run; None: it is proved.
        gaps: the gaps of its user store, by tenant.
        lags: the writes that still wait for a store.
    """
    waiting = sum(lag.rows + lag.parked for lag in lags if lag.surface == surface and lag.store == "user")
    tenants = sorted(gaps)
    evidence = {"unproved": unproved, "tenants_with_gaps": tenants, "runs_waiting": waiting}
    again = f"run `netra-migration backfill {surface}`"
    if not kept:
        return Criterion(name="backfill", met=True, detail="This backend stores no finished runs.", evidence={"kept": False})
    if unproved is not None:
        detail = f"It is not proved that the user store has every run: {unproved}; {again}."
    elif tenants:
        detail = f"The user store may lack runs of {', '.join(tenants[:_SHOWN])}{' and others' if len(tenants) > _SHOWN else ''}; {again}."
    elif waiting:
        detail = f"{waiting} runs wait for the user store or were refused by it; `netra-migration status` shows why; then {again}."
    else:
        detail = "A backfill of the user store was verified, and no run is missing since."
    return Criterion(name="backfill", met=unproved is None and not tenants and not waiting, detail=detail, evidence=evidence)


def rechecked(surface: str, found: Criterion, reason: str | None) -> Criterion:
    """Return the criterion; if there is a `reason`, a sentence about how the stores contradict it, it is not met."""
    if reason is None:
        return found
    detail = f"The user store does not have every run: {reason}; run `netra-migration backfill {surface}`."
    return Criterion(name="backfill", met=False, detail=detail, evidence=found.evidence | {"unproved": reason})
