"""Shows for which tenants an edit of the failover flag changes whether runs fail over, by evaluating the flag before and after it."""

from collections.abc import Callable, Collection, Iterator

from migration.flags.edits.surface_changes import pins
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import CANDIDATE_FAILOVER, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator, quiet_sdk
from migration.flags.proofs.dependencies import depends
from migration.flags.proofs.sampling_proof import ANYBODY
from migration.flags.proofs.stage_moves import named


def prove_failover(
    before: FlagData, after: FlagData, surfaces: Collection[str], known: Collection[Tenant], progress: Callable[[int], None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a sentence for each change, and the objections.

    Args:
        before: the current flags.
        after: the same flags with the failover flag changed.
        surfaces: all surfaces.
        known: tenants to evaluate and to name.
        progress: called with the number of tenants evaluated since the last call.
    """
    problems = [
        f"{key} has {CANDIDATE_FAILOVER} as a prerequisite, so its tenants may move"
        for key in map(surface_flag_key, surfaces)
        if depends(after, key, CANDIDATE_FAILOVER)
    ]
    met = {tenant.tenant_id for tenant in known}
    named_ones = {*pins(before.live(CANDIDATE_FAILOVER)), *pins(after.live(CANDIDATE_FAILOVER))}
    asked = [*known, *(Tenant(tenant_id=one) for one in sorted(named_ones - met))]
    shifts: list[str] = []
    with quiet_sdk(), FlagEvaluator.of(before) as now, FlagEvaluator.of(after) as then:
        for surface in surfaces:
            shifts += _of_surface(now, then, surface, asked)
            progress(len(asked))
    return tuple(shifts), tuple(problems)


def _of_surface(now: FlagEvaluator, then: FlagEvaluator, surface: str, known: Collection[Tenant]) -> Iterator[str]:
    others = now.failover(surface, ANYBODY), then.failover(surface, ANYBODY)
    if others[0] != others[1]:
        yield f"{surface}: failover {_word(others[0])} -> {_word(others[1])}"
    for value in (False, True):
        names = [
            tenant.tenant_id
            for tenant in known
            if (pair := (now.failover(surface, tenant), then.failover(surface, tenant))) != others and pair == (not value, value)
        ]
        if names:
            yield f"{surface}: failover {_word(not value)} -> {_word(value)} for {named(sorted(names))}"


def _word(on: bool) -> str:
    return "on" if on else "off"
