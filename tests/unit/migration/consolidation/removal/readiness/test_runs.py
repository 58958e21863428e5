"""Whether tenants have left control, and whether anybody would have seen it run."""

import pytest

from migration.consolidation.removal.readiness.runs import complete, confirmed, no_legacy_run
from migration.consolidation.removal.readiness.stages import TenantStages, tenant_stages
from migration.consolidation.removal.readiness.witness import LegacyRuns
from migration.errors import FlagSourceError
from migration.flags.editors.editor import FlagRead
from migration.flags.meaning.data import read_flag_data
from migration.model import Origin, Stage
from migration.stages import PLANS
from migration.stores import RanOn, Watch
from tests.unit.migration.flags.making import at, clause, flag_file, rollout, rule, surface_flag

DAYS = tuple(range(20_000, 20_014))
ALL_COMPLETE = TenantStages(surface="chat", complete_percent=100.0, pins={})


def held(*flags):
    """Where tenants are, as the SDK evaluates these flags."""
    data, problems = read_flag_data(flag_file(*flags))
    return tenant_stages(FlagRead(data=data, token=None, problems=problems), "chat")


def watch(*ran, watched=DAYS):
    return Watch(days=DAYS, watched=frozenset(watched), ran=ran)


def ran(stage, origin=None, day=20_003, runs=2):
    return RanOn(day=day, stage=stage, origin=origin or PLANS[stage].serves, runs=runs, last_at=day * 86_400.0 + 3600)


def test_everybody_at_complete_for_long_enough_is_met():
    found = complete(ALL_COMPLETE, watch(ran(Stage.COMPLETE, runs=9)))
    assert found.met
    assert found.evidence["percent"] == 100.0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "0 %"),
        ([surface_flag()], "0 %"),
        ([surface_flag(fallthrough=rollout(rampdown=0.001, complete=99.999))], "99.999 %"),
        ([at("complete", on=False)], "0 %"),
        ([at("complete", deleted=True)], "0 %"),
        ([at("complete", contextTargets=[{"contextKind": "tenant", "variation": 4, "values": ["acme"]}])], "acme are pinned"),
        ([at("complete", rules=[rule({"variation": 5}, clause("plan", "in", "pro"))])], "it cannot be shown"),
        ([at("complete", prerequisites=[{"key": "allowed", "variation": 1}])], "it cannot be shown"),
        ([at("complete", contextTargets=[{"contextKind": "surface", "variation": 5, "values": ["chat"]}])], "it cannot be shown"),
    ],
    ids=range(9),
)
def test_a_tenant_that_is_elsewhere_is_told(flags, said):
    found = complete(held(*flags), watch())
    assert not found.met
    assert said in found.detail


@pytest.mark.parametrize("flag", [at("complete"), surface_flag(fallthrough=rollout(complete=100)), at("off", on=False, offVariation=5)])
def test_everybody_at_complete_is_seen_however_the_flag_says_so(flag):
    assert complete(held(flag), watch()).met


def test_a_tenant_that_is_pinned_to_complete_is_no_exception():
    assert complete(held(at("complete", contextTargets=[{"contextKind": "tenant", "variation": 5, "values": ["acme"]}])), watch()).met


def test_a_flag_that_cannot_be_taken_says_nothing():
    with pytest.raises(FlagSourceError, match="execution-engine-chat: `on` must be true or false"):
        held(at("complete", on="yes"))


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.COMPLETE])
def test_a_run_at_another_stage_makes_it_too_early_and_says_until_when(stage):
    found = complete(ALL_COMPLETE, watch(ran(stage)))
    assert not found.met
    assert "wait until 2024-10-22" in found.detail  # the day of the run, 2024-10-07, and 14 whole days after it


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("stage", Stage)
def test_only_runs_of_control_are_legacy_runs(stage, origin):
    assert no_legacy_run(watch(ran(stage, origin))).met is (origin is Origin.CANDIDATE)


def test_a_legacy_run_today_counts_before_the_day_is_over():
    found = no_legacy_run(watch(ran(Stage.OFF, day=20_014, runs=1)))
    assert not found.met
    assert "1 run, the last at 2024-10-18 01:00 UTC, control at `off`" in found.detail


@pytest.mark.parametrize("criterion", [lambda seen: complete(ALL_COMPLETE, seen), no_legacy_run])
def test_days_on_which_nobody_watched_are_not_taken_for_days_on_which_nobody_came(criterion):
    found = criterion(watch(watched=[*DAYS[:4], *DAYS[7:]]))
    assert not found.met
    assert "Not watched on 3 of 14 days (2024-10-08, 2024-10-09, 2024-10-10)" in found.detail


def test_a_run_in_the_legacy_store_contradicts_the_tombstones():
    told = no_legacy_run(watch())
    found = confirmed(told, LegacyRuns(runs=2, last_at=20_005 * 86_400.0))
    assert not found.met
    assert "wait until 2024-10-24" in found.detail
    assert confirmed(told, LegacyRuns(runs=0, last_at=None)).met
