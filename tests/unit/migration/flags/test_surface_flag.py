"""A surface's flag as JSON and back, and what is refused."""

from typing import Any

import pytest

from migration.errors import FlagSourceError
from migration.flags.ramp import pin, share
from migration.flags.surface_flag import SurfaceFlag, parse_surface_flag
from migration.model import Stage

SPLIT = pin(share(SurfaceFlag(surface="chat", version=3), Stage.LIVE, 12.5), "acme", Stage.RAMPDOWN)


def written(**changed: Any) -> dict[str, Any]:
    return {**SPLIT.render({}), "version": 3, **changed}


def rollout(*shares: tuple[int, int], **changed: Any) -> dict[str, Any]:
    listed = [{"variation": variation, "weight": weight} for variation, weight in shares]
    return {"rollout": {"contextKind": "tenant", "variations": listed, **changed}}


def test_what_is_rendered_is_read_back():
    assert parse_surface_flag("chat", written()) == SPLIT


def test_the_rollout_lists_off_first_at_weight_0_and_ends_with_the_furthest_stage():
    listed = written()["fallthrough"]["rollout"]["variations"]
    assert [(share["variation"], share["weight"]) for share in listed] == [(0, 0), (1, 0), (2, 87_500), (3, 12_500)]


def test_fields_that_this_tool_does_not_know_are_kept():
    assert SPLIT.render({"maintainer": "ops", "version": 7})["maintainer"] == "ops"


def test_a_flag_that_is_switched_off_has_everybody_at_off():
    flag = parse_surface_flag("chat", written(on=False))
    assert (flag.stage_of("acme"), flag.percents()[Stage.OFF]) == (Stage.OFF, 100.0)


def test_a_single_variation_without_a_rollout_is_a_hundred_percent():
    assert parse_surface_flag("chat", written(fallthrough={"variation": 2})).percents()[Stage.SHADOW] == 100.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"variations": ["dualwrite", "off", "shadow", "live", "rampdown", "complete"]}, "variations must be off, dualwrite"),
        ({"variations": ["off", "live"]}, "variations must be off, dualwrite"),
        ({"offVariation": 3}, "offVariation must be 0"),
        ({"offVariation": None}, "offVariation must be 0"),
        ({"version": 0}, "version"),
        ({"version": "1"}, "version"),
        ({"key": "execution-engine-batch"}, "its `key` is another one"),
        ({"rules": [{"clauses": []}]}, "rules"),
        ({"prerequisites": [{"key": "x", "variation": 0}]}, "prerequisites"),
        ({"targets": [{"values": ["acme"], "variation": 5}]}, "targets"),
        ({"contextTargets": [{"contextKind": "user", "variation": 1, "values": ["acme"]}]}, "of kind tenant"),
        ({"contextTargets": [{"contextKind": "tenant", "variation": 6, "values": ["acme"]}]}, "one of the six variations"),
        ({"contextTargets": [{"contextKind": "tenant", "variation": at, "values": ["acme"]} for at in (1, 2)]}, "pinned twice"),
        ({"fallthrough": {}}, "needs a rollout"),
        ({"fallthrough": {"variation": 6}}, "needs a rollout"),
        ({"fallthrough": rollout((0, 0), (3, 100_000), contextKind="user")}, "bucket by the key of kind tenant"),
        ({"fallthrough": rollout((0, 0), (3, 100_000), bucketBy="plan")}, "bucket by the key of kind tenant"),
        ({"fallthrough": rollout((0, 0), (3, 100_000), kind="experiment")}, "bucket by the key of kind tenant"),
        ({"fallthrough": rollout((3, 10_000), (2, 90_000))}, "stage order, `off` first"),
        ({"fallthrough": rollout((2, 90_000), (3, 10_000))}, "stage order, `off` first"),
        ({"fallthrough": rollout((0, 50_000), (0, 50_000))}, "stage order, `off` first"),
        ({"fallthrough": rollout((0, 0), (6, 100_000))}, "stage order, `off` first"),
        ({"fallthrough": rollout()}, "stage order, `off` first"),
        ({"fallthrough": rollout((0, 0), (3, 99_999))}, "add up to 100000"),
        ({"fallthrough": rollout((0, 0), (2, 100_000), (5, 0))}, "the last listed one must not be 0"),
        ({"fallthrough": rollout((0, 0), (3, -1))}, "weight"),
    ],
)
def test_a_flag_that_nothing_can_be_proven_about_is_refused(changed, message):
    with pytest.raises(FlagSourceError, match=message):
        parse_surface_flag("chat", written(**changed))


@pytest.mark.parametrize("raw", [None, 1, "flag", [], {}])
def test_something_that_is_no_flag_is_refused(raw):
    with pytest.raises(FlagSourceError, match="execution-engine-chat"):
        parse_surface_flag("chat", raw)
