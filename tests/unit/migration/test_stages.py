"""The stage table, whole, and every move between two stages."""

import itertools

import pytest

from migration.errors import UnknownStageError
from migration.model import Origin, Stage
from migration.stages import PLANS, STAGE_ORDER, next_towards, parse_stage

CONTROL, CANDIDATE = Origin.CONTROL, Origin.CANDIDATE
STAGE_TABLE = [
    (Stage.OFF, CONTROL, None, ("legacy",)),
    (Stage.DUALWRITE, CONTROL, None, ("legacy", "user")),
    (Stage.SHADOW, CONTROL, CANDIDATE, ("legacy", "user")),
    (Stage.LIVE, CANDIDATE, CONTROL, ("user", "legacy")),
    (Stage.RAMPDOWN, CANDIDATE, None, ("user", "legacy")),
    (Stage.COMPLETE, CANDIDATE, None, ("user",)),
]
PAIRS = [(current, wanted) for current in Stage for wanted in Stage]


@pytest.mark.parametrize(("stage", "serves", "shadows", "writes"), STAGE_TABLE)
def test_the_stage_decides_who_serves_who_shadows_and_what_is_written(stage, serves, shadows, writes):
    plan = PLANS[stage]
    assert (plan.stage, plan.serves, plan.shadows, plan.writes) == (stage, serves, shadows, writes)


def test_the_table_has_every_stage_in_order_with_off_first():
    assert tuple(row[0] for row in STAGE_TABLE) == STAGE_ORDER == tuple(PLANS)
    assert STAGE_ORDER[0] is Stage.OFF


def test_the_run_store_of_who_serves_is_written_first():
    assert all(plan.writes[0] == ("legacy" if plan.serves is CONTROL else "user") for plan in PLANS.values())


def test_the_engine_that_serves_never_shadows():
    assert all(plan.shadows is not plan.serves for plan in PLANS.values())


def test_neighbouring_stages_share_a_run_store_so_that_no_move_loses_a_run():
    assert all(set(PLANS[one].writes) & set(PLANS[other].writes) for one, other in itertools.pairwise(STAGE_ORDER))


@pytest.mark.parametrize(("current", "wanted"), PAIRS)
def test_every_stage_is_reached_by_following_the_next_step_from_neighbour_to_neighbour(current, wanted):
    walked = [current]
    while walked[-1] is not wanted:
        walked.append(next_towards(walked[-1], wanted))
        assert abs(STAGE_ORDER.index(walked[-1]) - STAGE_ORDER.index(walked[-2])) == 1
    assert len(walked) == abs(STAGE_ORDER.index(wanted) - STAGE_ORDER.index(current)) + 1


@pytest.mark.parametrize("name", ["shadow", "SHADOW", " Shadow "])
def test_a_stage_is_known_by_its_name_in_any_case(name):
    assert parse_stage(name) is Stage.SHADOW


def test_an_unknown_stage_is_answered_with_the_valid_ones():
    with pytest.raises(UnknownStageError, match="use one of: off, dualwrite, shadow, live, rampdown, complete"):
        parse_stage("canary")
