"""Shows for which tenants an edit of the sampling flag changes the share of shadowed runs, by evaluating the flag before and after it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import Final

from migration.flags.edits.surface_changes import pins
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import SHADOW_SAMPLING, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator, quiet_sdk
from migration.flags.proofs.dependencies import depends
from migration.flags.proofs.stage_moves import named

#: Represents tenants that the flag does not name.
ANYBODY: Final = Tenant(tenant_id="anybody-else")


def named_by_sampling(data: FlagData) -> frozenset[str]:
    """Return the tenants that the sampling flag's targets name."""
    return pins(data.live(SHADOW_SAMPLING))


def prove_sampling(
    before: FlagData, after: FlagData, surfaces: Collection[str], known: Collection[Tenant], progress: Callable[[int], None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a sentence for each change, and the objections.

    Args:
        before: the current flags.
        after: the same flags with the sampling flag changed.
        surfaces: all surfaces.
        known: tenants to evaluate and to name.
        progress: called with the number of tenants evaluated since the last call.
    """
    problems = [
        f"{key} has {SHADOW_SAMPLING} as a prerequisite, so its tenants may move"
        for key in map(surface_flag_key, surfaces)
        if depends(after, key, SHADOW_SAMPLING)
    ]
    named_ones = pins(before.live(SHADOW_SAMPLING)) | pins(after.live(SHADOW_SAMPLING))
    met = {tenant.tenant_id for tenant in known}
    known = [*known, *(Tenant(tenant_id=one) for one in sorted(named_ones - met))]
    shifts: list[str] = []
    with quiet_sdk(), FlagEvaluator.of(before) as now, FlagEvaluator.of(after) as then:
        for surface in surfaces:
            complaint = then.evaluate(surface, ANYBODY).complaint or ""
            problems += [complaint] * complaint.startswith(SHADOW_SAMPLING)
            shifts += _of_surface(now, then, surface, known)
            progress(len(known))
    return tuple(shifts), tuple(dict.fromkeys(problems))


def _of_surface(now: FlagEvaluator, then: FlagEvaluator, surface: str, known: Collection[Tenant]) -> Iterator[str]:
    others = now.sampling(surface, ANYBODY), then.sampling(surface, ANYBODY)
    if others[0] != others[1]:
        yield f"{surface}: {others[0]:g} % -> {others[1]:g} % of the runs"
    names: dict[tuple[float, float], list[str]] = defaultdict(list)
    for tenant in known:
        pair = now.sampling(surface, tenant), then.sampling(surface, tenant)
        if pair != others and pair[0] != pair[1]:
            names[pair].append(tenant.tenant_id)
    for (old, new), tenants in names.items():
        yield f"{surface}: {old:g} % -> {new:g} % of the runs of {named(sorted(tenants))}"
