"""Does the user store hold every run of the surface? Answered by what is known of the run stores."""

from collections.abc import Mapping, Sequence

from migration.consolidation.removal.readiness.criteria import Criterion
from migration.stores import Gap, Lag

_SHOWN = 5


def backfill(surface: str, *, kept: bool, verified: bool, gaps: Mapping[str, Gap], lags: Sequence[Lag]) -> Criterion:
    """Return whether the user store was verified to hold everything, and lacks nothing since.

    Args:
        surface: whose runs.
        kept: whether the backend keeps finished runs at all.
        verified: a backfill of its user store was.
        gaps: of its user store, by tenant.
        lags: what stores are owed.
    """
    waiting = sum(lag.rows + lag.parked for lag in lags if lag.surface == surface and lag.store == "user")
    tenants = sorted(gaps)
    evidence = {"verified": verified, "tenants_with_gaps": tenants, "runs_waiting": waiting}
    again = f"run `netra-migration backfill {surface}`"
    if not kept:
        return Criterion(name="backfill", met=True, detail="This backend keeps no finished runs.", evidence={"kept": False})
    if not verified:
        detail = f"No backfill of the user store was verified yet; {again}."
    elif tenants:
        detail = f"The user store may lack runs of {', '.join(tenants[:_SHOWN])}{' and others' if len(tenants) > _SHOWN else ''}; {again}."
    elif waiting:
        detail = f"{waiting} runs wait for the user store or were refused by it; `netra-migration status` says why, then {again}."
    else:
        detail = "A backfill of the user store was verified, and it lacks nothing since."
    return Criterion(name="backfill", met=verified and not tenants and not waiting, detail=detail, evidence=evidence)
