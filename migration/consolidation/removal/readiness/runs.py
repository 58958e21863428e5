"""Whether all tenants have left control, and since when control has not run. The flags and the tombstones give the answers."""

import time
from collections.abc import Sequence

from migration.consolidation.removal.readiness.criteria import Criterion
from migration.consolidation.removal.readiness.stages import TenantStages
from migration.consolidation.removal.readiness.witness import LegacyRuns
from migration.model import Origin, Stage
from migration.stores import DAY_S, RanOn, Watch

_EARLIER = tuple(stage for stage in Stage if stage is not Stage.COMPLETE)
_ALL = 100.0
_NAMED = 5


def complete(held: TenantStages, watch: Watch) -> Criterion:
    """Return the criterion that every tenant is at `complete`, and that no run was at another stage on the watched days."""
    percent = held.complete_percent
    pins = {tenant: stage.value for tenant, stage in sorted(held.pins.items()) if stage is not Stage.COMPLETE}
    runs = watch.of(stages=_EARLIER)
    evidence = {"percent": percent, "pins": pins, **_seen(watch, runs)}
    surface, days = held.surface, len(watch.days)
    if percent is None:
        why = (
            "Its flag uses more than targets of tenants and a rollout, so it cannot be shown that all tenants are at `complete`; "
            "remove the flag's rules, prerequisites and targets of the kind `surface`."
        )
    elif percent < _ALL:
        why = f"{percent:g} % of the tenants without a pin are at `complete`; raise it with `netra-migration stage set {surface} ...`."
    elif pins:
        why = f"{_listed(pins)} are pinned to another stage; `netra-migration stage unpin {surface} TENANT` removes a pin."
    elif runs:
        why = f"Runs were at another stage within {days} days ({_told(runs)}); wait until {_free_from(runs, days)}."
    elif watch.unwatched:
        why = _unwatched(watch)
    else:
        return Criterion(
            name="complete", met=True, detail=f"All tenants have been at `complete` for {days} whole days or more.", evidence=evidence
        )
    return Criterion(name="complete", met=False, detail=why, evidence=evidence)


def no_legacy_run(watch: Watch) -> Criterion:
    """Return the criterion that control neither served nor shadowed on the watched days."""
    runs = watch.of(origins=[Origin.CONTROL])
    days = len(watch.days)
    evidence = _seen(watch, runs)
    if runs:
        detail = (
            f"Control ran within {days} days ({_told(runs)}); make sure that no tenant needs it, and wait until {_free_from(runs, days)}."
        )
    elif watch.unwatched:
        detail = _unwatched(watch)
    else:
        detail = f"Control has not run in the last {days} whole days or today, and each of these days was watched."
    return Criterion(name="no_legacy_run", met=not runs and not watch.unwatched, detail=detail, evidence=evidence)


def confirmed(told: Criterion, found: LegacyRuns) -> Criterion:
    """Return the tombstones' report, or a criterion that is not met because the legacy store contradicts the report."""
    evidence = told.evidence | {"legacy_store_runs": found.runs, "legacy_store_last_at": found.last_at}
    if found.last_at is None:
        detail = f"{told.detail.removesuffix('.')}; the legacy store has no run of these days either."
        return Criterion(name="no_legacy_run", met=told.met, detail=detail, evidence=evidence)
    free_from = _date(int(found.last_at // DAY_S) + told.evidence["days"] + 1)
    detail = (
        f"The legacy store contains {found.runs} runs of these days, the last begun at {_time(found.last_at)}, that have no "
        f"tombstone: they were not at `complete`; find out which process serves them, and wait until {free_from}."
    )
    return Criterion(name="no_legacy_run", met=False, detail=detail, evidence=evidence)


def _seen(watch: Watch, runs: Sequence[RanOn]) -> dict[str, object]:
    return {
        "days": len(watch.days),
        "since": _date(watch.days[0]),
        "unwatched": [_date(day) for day in watch.unwatched],
        "runs": sum(one.runs for one in runs),
        "last_at": max((one.last_at for one in runs), default=None),
    }


def _unwatched(watch: Watch) -> str:
    missing = [_date(day) for day in watch.unwatched]
    return (
        f"Not watched on {len(missing)} of {len(watch.days)} days ({_listed(missing)}): let the backend run, with its stores' "
        "database in reach; nothing is known about days on which no process counted."
    )


def _told(runs: Sequence[RanOn]) -> str:
    last = max(runs, key=lambda one: one.last_at)
    number = sum(one.runs for one in runs)
    return f"{number} run{'s' if number > 1 else ''}, the last at {_time(last.last_at)}, {last.origin} at `{last.stage}`"


def _free_from(runs: Sequence[RanOn], days: int) -> str:
    return _date(max(one.day for one in runs) + days + 1)


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _date(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * DAY_S))


def _listed(names: Sequence[str] | dict[str, str]) -> str:
    shown = list(names)[:_NAMED]
    return ", ".join(shown) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
