"""The stages of a surface's tenants, as LaunchDarkly's SDK evaluates the surface's flag."""

from collections.abc import Mapping
from dataclasses import dataclass

from migration.errors import FlagSourceError
from migration.flags.editors import FlagRead
from migration.flags.edits import pins
from migration.flags.meaning import FlagEvaluator, Tenant, surface_flag_key
from migration.flags.proofs import bands
from migration.model import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantStages:
    """The stages of all tenants of a surface."""

    surface: str
    complete_percent: (
        float | None
    )  #: share of the tenants without a pin that are at `complete`; None: not known, because the flag is not a plain percentage rollout
    pins: Mapping[str, Stage]  #: the stage of each pinned tenant


def tenant_stages(read: FlagRead, surface: str) -> TenantStages:
    """Return the stages of a surface's tenants.

    Raises:
        FlagSourceError: the flag exists but is not valid.
    """
    key = surface_flag_key(surface)
    if spoiled := [problem for problem in read.problems if problem.key == key and problem.kind == "flag"]:
        raise FlagSourceError(str(spoiled[0]))
    found = bands(read.data, surface)
    with FlagEvaluator.of(read.data) as evaluator:
        named = {name: evaluator.stage(surface, Tenant(tenant_id=name)).stage or Stage.OFF for name in sorted(pins(read.data.live(key)))}
    percent = None if found is None else sum(band.percent for band in found if band.stage is Stage.COMPLETE)
    return TenantStages(surface=surface, complete_percent=percent, pins=named)
