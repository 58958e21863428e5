"""Edits of a surface's flag: what is allowed, who moves, and how it is said."""

import pytest

from migration.errors import BackwardRampError, ConfigurationError, ForbiddenStageMoveError
from migration.flags.ramp import Move, check_edit, describe, pin, share, unpin
from migration.flags.surface_flag import SurfaceFlag
from migration.model import Stage

OFF, DUALWRITE, SHADOW, LIVE, RAMPDOWN, COMPLETE = Stage
AT_OFF = SurfaceFlag(surface="chat")


def at(stage: Stage, percent: float = 100.0, **pins: Stage) -> SurfaceFlag:
    flag = share(AT_OFF, stage, percent)
    for tenant, pinned in pins.items():
        flag = pin(flag, tenant, pinned)
    return flag


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (at(OFF), at(DUALWRITE)),
        (at(SHADOW), at(LIVE, 5)),
        (at(LIVE, 10), at(LIVE, 25)),
        (at(LIVE, 25), at(LIVE)),
        (at(LIVE), at(RAMPDOWN, 1)),
        (at(LIVE, 40), at(RAMPDOWN, 10)),
        (at(SHADOW), at(SHADOW)),
        (at(SHADOW), at(SHADOW, acme=LIVE)),
    ],
)
def test_a_step_forward_is_allowed(before, after):
    assert not any(move.backward for move in check_edit(before, after, allow_back=False))


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (at(OFF), at(SHADOW), "off -> shadow skips a stage; go to dualwrite first"),
        (at(OFF), at(SHADOW, 0.001), "off -> dualwrite|off -> shadow"),
        (at(SHADOW), at(RAMPDOWN, 50), "shadow -> rampdown skips a stage; go to live first"),
        (at(LIVE), at(DUALWRITE), "live -> dualwrite skips a stage; go to shadow first"),
        (at(LIVE, 10), at(DUALWRITE), "live -> dualwrite skips a stage; go to shadow first"),
        (at(SHADOW), at(SHADOW, acme=COMPLETE), "shadow -> complete skips a stage; go to live first"),
        (at(SHADOW, acme=OFF), unpin(at(SHADOW, acme=OFF), "acme"), "off -> shadow skips a stage"),
    ],
)
@pytest.mark.parametrize("allow_back", [False, True])
def test_a_jump_is_refused_for_everybody_and_for_one_alike(before, after, step, allow_back):
    with pytest.raises(ForbiddenStageMoveError, match=step):
        check_edit(before, after, allow_back=allow_back)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (at(LIVE, 25), at(LIVE, 10), "15 % of the tenants: live -> shadow: that is backwards; say --allow-back"),
        (at(LIVE, 0.002), at(LIVE, 0.001), "0.001 % of the tenants: live -> shadow"),
        (at(DUALWRITE), at(OFF), "100 % of the tenants: dualwrite -> off"),
        (at(OFF, acme=DUALWRITE), at(OFF, acme=OFF), "acme: dualwrite -> off"),
    ],
)
def test_a_step_back_must_be_meant(before, after, reason):
    with pytest.raises(BackwardRampError, match=reason):
        check_edit(before, after, allow_back=False)
    assert check_edit(before, after, allow_back=True)


def test_a_move_back_is_found_in_the_middle_of_a_move_forward():
    before = SurfaceFlag(surface="chat", weights=(0, 0, 50_000, 50_000, 0, 0))
    after = SurfaceFlag(surface="chat", weights=(0, 0, 60_000, 0, 40_000, 0))
    assert [(move.before, move.after, move.percent) for move in check_edit(before, after, allow_back=True)] == [
        (LIVE, SHADOW, 10.0),
        (LIVE, RAMPDOWN, 40.0),
    ]


def test_another_salt_deals_anew_and_so_any_tenant_may_meet_any_stage():
    dealt_anew = SurfaceFlag(surface="chat", weights=at(LIVE, 50).weights, salt="other")
    with pytest.raises(BackwardRampError, match="25 % of the tenants: live -> shadow"):
        check_edit(at(LIVE, 50), dealt_anew, allow_back=False)


def test_switching_the_flag_on_again_wakes_pins_and_is_checked():
    sleeping = SurfaceFlag(surface="chat", on=False, pins={"acme": COMPLETE})
    with pytest.raises(ForbiddenStageMoveError, match="off -> complete"):
        check_edit(sleeping, share(sleeping, DUALWRITE), allow_back=True)


def test_movers_are_counted_and_those_that_are_known_are_named():
    (move,) = check_edit(at(OFF, held=OFF), at(DUALWRITE, held=OFF), allow_back=False, tenants=["acme", "held"])
    assert move == Move(before=OFF, after=DUALWRITE, percent=100.0, tenants=("acme",))
    assert describe(move) == "100 % of the tenants, among them acme: off -> dualwrite"


@pytest.mark.parametrize("percent", [-0.001, 100.001, 12.34567, float("nan"), float("inf")])
def test_an_impossible_percentage_is_refused(percent):
    with pytest.raises(ConfigurationError, match="is not possible"):
        share(AT_OFF, SHADOW, percent)


def test_a_percentage_of_off_is_refused():
    with pytest.raises(ConfigurationError, match="`off` has no stage before it"):
        share(AT_OFF, OFF, 50)


def test_zero_percent_of_a_stage_is_all_of_the_one_before_it():
    assert share(AT_OFF, LIVE, 0).weights == share(AT_OFF, SHADOW).weights


def test_a_tenant_without_a_pin_cannot_be_unpinned():
    with pytest.raises(ConfigurationError, match=r"'acme' is not pinned; pinned are: zen"):
        unpin(at(OFF, zen=OFF), "acme")
