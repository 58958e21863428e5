"""Whether the API shows the flag that an SDK has, and what an edit is in the API's words."""

import copy

import pytest

from migration.errors import FlagSourceError
from migration.flags.editors.patches import differences, json_patch, semantic_patch
from tests.migration.servers.launchdarkly_rest import represent, variation_id
from tests.unit.migration.flags.making import at, clause, kill_switch, rollout, rule, sampling, surface_flag

ENV = "production"
EXPERIMENT = {
    "rollout": {
        "kind": "experiment",
        "contextKind": "tenant",
        "seed": 61,
        "variations": [{"variation": 0, "weight": 50_000}, {"variation": 2, "weight": 50_000, "untracked": True}],
    }
}
FLAGS = {
    "everybody": at("live"),
    "bands": surface_flag(fallthrough=rollout(shadow=70, live=30), pins={"acme": "complete"}),
    "a placeholder": surface_flag(contextTargets=[{"contextKind": "user", "variation": 0, "values": []}]),
    "no off variation": surface_flag(offVariation=None),
    "rules": surface_flag(
        rules=[rule({"variation": 3}, clause("plan", "in", "free", negate=True)), rule(rollout(live=10), clause("key", "in", "x"))]
    ),
    "prerequisites": surface_flag(prerequisites=[{"key": "other", "variation": 1}]),
    "an experiment": surface_flag(fallthrough=EXPERIMENT),
    "off": at("shadow", on=False),
    "numbers": sampling(12.5),
    "kill switch": kill_switch(on=True, surfaces={"chat": False}),
}


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS)
def test_what_the_api_adds_to_a_flag_is_no_difference(flag):
    assert differences(flag, represent(flag, ENV), ENV) == ()


def test_shares_of_nobody_that_the_api_adds_are_no_difference():
    flag = surface_flag(fallthrough=rollout(shadow=100))
    shown = represent(flag, ENV)
    shown["environments"][ENV]["fallthrough"]["rollout"]["variations"] += [{"variation": index, "weight": 0} for index in (1, 3, 4, 5)]
    assert differences(flag, shown, ENV) == ()


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("on", {"on": False}),
        ("fallthrough", {"fallthrough": rollout(shadow=71, live=29)}),
        ("offVariation", {"offVariation": 1}),
        ("contextTargets", {"contextTargets": []}),
        ("targets", {"targets": [{"variation": 1, "values": ["ada"]}]}),
        ("rules", {"rules": [rule({"variation": 0}, clause("plan", "in", "free"))]}),
        ("salt", {"salt": "other"}),
        ("variations", {"variations": ["off", "live"]}),
    ],
)
def test_whatever_deals_tenants_otherwise_is_a_difference(part, changed):
    flag = FLAGS["bands"]
    assert differences(flag, represent({**copy.deepcopy(flag), **changed}, ENV), ENV) == (part,)


def test_an_environments_key_is_escaped_in_paths():
    flag = at("off")
    patch = json_patch(flag, {**flag, "on": False}, represent(flag, "a/b~c"), "a/b~c", "")
    assert [operation["path"] for operation in patch.body["patch"]] == ["/environments/a~1b~0c/version", "/environments/a~1b~0c/on"]


def test_a_rollout_is_said_by_the_ids_of_its_variations():
    flag = at("off")
    patch = semantic_patch(flag, {**flag, "fallthrough": rollout(live=30)}, represent(flag, ENV), ENV, "why")
    assert patch is not None
    assert patch.body["instructions"] == [
        {
            "kind": "updateFallthroughVariationOrRollout",
            "rolloutWeights": {variation_id(0): 0, variation_id(3): 30_000},
            "rolloutContextKind": "tenant",
        }
    ]


def test_a_kill_switch_without_its_variation_is_mended_at_launchdarkly():
    flag = kill_switch(on=False)
    short = {**flag, "variations": [False]}
    with pytest.raises(FlagSourceError, match="lacks a variation; add it on its page"):
        semantic_patch(short, {**flag, "variations": [False, True]}, represent(short, ENV), ENV, "")
