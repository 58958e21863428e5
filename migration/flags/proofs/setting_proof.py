"""Shows for which tenants an edit of the sampling or the failover flag changes a value, by evaluating the flag before and after it."""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from migration.flags.edits.surface_changes import pins
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import CANDIDATE_FAILOVER, SHADOW_SAMPLING, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator, quiet_sdk
from migration.flags.proofs.dependencies import depends
from migration.flags.proofs.stage_moves import named

#: Represents tenants that the flag does not name.
ANYBODY: Final = Tenant(tenant_id="anybody-else")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """A flag with one value for each surface and tenant."""

    key: str
    value: Callable[[FlagEvaluator, str, Tenant], float]
    change: Callable[[float, float], str]  #: takes the value before and after
    tenants: str  #: what stands between the change and the tenants' names

    def prove(
        self, before: FlagData, after: FlagData, surfaces: Collection[str], known: Collection[Tenant], progress: Callable[[int], None]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return a sentence for each change, and the objections; see `prove_sampling`."""
        problems = [
            f"{key} has {self.key} as a prerequisite, so its tenants may move"
            for key in map(surface_flag_key, surfaces)
            if depends(after, key, self.key)
        ]
        pinned = pins(before.live(self.key)) | pins(after.live(self.key))
        met = {tenant.tenant_id for tenant in known}
        known = [*known, *(Tenant(tenant_id=one) for one in sorted(pinned - met))]
        changes: list[str] = []
        with quiet_sdk(), FlagEvaluator.of(before) as now, FlagEvaluator.of(after) as then:
            for surface in surfaces:
                complaint = then.evaluate(surface, ANYBODY).complaint or ""
                problems += [complaint] * complaint.startswith(self.key)
                changes += self._of_surface(now, then, surface, known)
                progress(len(known))
        return tuple(changes), tuple(dict.fromkeys(problems))

    def _of_surface(self, now: FlagEvaluator, then: FlagEvaluator, surface: str, known: Collection[Tenant]) -> list[str]:
        others = self.value(now, surface, ANYBODY), self.value(then, surface, ANYBODY)
        changes = [f"{surface}: {self.change(*others)}"] * (others[0] != others[1])
        names: dict[tuple[float, float], list[str]] = defaultdict(list)
        for tenant in known:
            pair = self.value(now, surface, tenant), self.value(then, surface, tenant)
            if pair != others and pair[0] != pair[1]:
                names[pair].append(tenant.tenant_id)
        changes += [f"{surface}: {self.change(*pair)} {self.tenants} {named(sorted(tenants))}" for pair, tenants in names.items()]
        return changes


def _percentages(before: float, after: float) -> str:
    return f"{before:g} % -> {after:g} % of the runs"


def _switch(before: float, after: float) -> str:
    words = ("off", "on")
    return f"failover {words[bool(before)]} -> {words[bool(after)]}"


_SAMPLING: Final = _Setting(key=SHADOW_SAMPLING, value=FlagEvaluator.sampling, change=_percentages, tenants="of")
_FAILOVER: Final = _Setting(key=CANDIDATE_FAILOVER, value=FlagEvaluator.failover, change=_switch, tenants="for")


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
    return _SAMPLING.prove(before, after, surfaces, known, progress)


def prove_failover(
    before: FlagData, after: FlagData, surfaces: Collection[str], known: Collection[Tenant], progress: Callable[[int], None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a sentence for each change, and the objections, as `prove_sampling` does, for a change of the failover flag."""
    return _FAILOVER.prove(before, after, surfaces, known, progress)
