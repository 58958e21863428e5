"""What each edit makes of a flag, judged by what LaunchDarkly's SDK then says."""

import pytest

from migration.errors import ConfigurationError
from migration.flags.edits.surface_changes import new_surface_flag, pin, pins, share, unpin
from migration.flags.edits.switch_changes import fail_over, kill, sample, unsample
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.model import Stage

CHAT = surface_flag_key("chat")
SURFACES = ("chat", "batch")
TENANTS = tuple(f"tenant-{number}" for number in range(2_000))
RULE = {"id": "r1", "variation": 0, "clauses": [{"contextKind": "tenant", "attribute": "key", "op": "in", "values": ["acme"]}]}


def stages_of(flag, tenants=TENANTS, surface="chat"):
    with FlagEvaluator.of(FlagData(flags={surface_flag_key(surface): flag})) as evaluator:
        return {tenant: evaluator.stage(surface, Tenant(tenant_id=tenant)).stage for tenant in tenants}


def percents(flag):
    """Return the percentage at each stage as the flag lists it."""
    listed = flag["fallthrough"]["rollout"]["variations"]
    return {flag["variations"][one["variation"]]: one["weight"] / 1000 for one in listed if one["weight"]}


def killed(flag, *others, surfaces=SURFACES, tenant="acme"):
    data = FlagData(flags={KILL_SWITCH: flag} | {other["key"]: other for other in others})
    with FlagEvaluator.of(data) as evaluator:
        return {surface: evaluator.killed(surface, Tenant(tenant_id=tenant)) for surface in surfaces}


def sampled(flag, surface="chat", tenant="acme"):
    with FlagEvaluator.of(FlagData(flags={SHADOW_SAMPLING: flag})) as evaluator:
        return evaluator.sampling(surface, Tenant(tenant_id=tenant))


def climb(*steps):
    flag = None
    for step in steps:
        flag = share(flag, "chat", *step)
    return flag


def test_a_percentage_leaves_the_rest_one_stage_before():
    flag = share(None, "chat", Stage.DUALWRITE, 12.5)
    assert percents(flag) == {"off": 87.5, "dualwrite": 12.5}
    at = list(stages_of(flag).values())
    assert 200 <= at.count(Stage.DUALWRITE) <= 300


def test_a_rest_further_back_leaves_those_between_where_they_are():
    flag = climb((Stage.DUALWRITE, 10.0, Stage.OFF), (Stage.SHADOW, 10.0, Stage.OFF), (Stage.LIVE, 1.0, Stage.OFF))
    assert percents(flag) == {"off": 90.0, "shadow": 9.0, "live": 1.0}


def test_raising_a_percentage_moves_nobody_back():
    low, high = climb((Stage.DUALWRITE, 30.0)), climb((Stage.DUALWRITE, 30.0), (Stage.DUALWRITE, 45.0))
    before, after = stages_of(low), stages_of(high)
    assert all(after[tenant] is Stage.DUALWRITE for tenant in TENANTS if before[tenant] is Stage.DUALWRITE)


@pytest.mark.parametrize("dealing", [{}, {"salt": "theirs"}, {"seed": 61}, {"seed": 0}], ids=["no salt", "a salt", "seed 61", "seed 0"])
def test_salt_and_seed_stay_and_only_those_between_the_cut_points_move(dealing):
    flag = {name: value for name, value in new_surface_flag("chat").items() if name != "salt"}
    rollout = {
        "contextKind": "tenant",
        "variations": [{"variation": 0, "weight": 0}, {"variation": 2, "weight": 70_000}, {"variation": 3, "weight": 30_000}],
    }
    if "salt" in dealing:
        flag["salt"] = dealing["salt"]
    if "seed" in dealing:
        rollout["seed"] = dealing["seed"]
    flag |= {"version": 7, "fallthrough": {"rollout": rollout}}
    raised = share(flag, "chat", Stage.LIVE, 45.0)
    before, after = stages_of(flag), stages_of(raised)
    assert (raised.get("salt"), raised["fallthrough"]["rollout"].get("seed")) == (dealing.get("salt"), dealing.get("seed"))
    assert {(before[tenant], after[tenant]) for tenant in TENANTS} == {
        (Stage.SHADOW, Stage.SHADOW),
        (Stage.SHADOW, Stage.LIVE),
        (Stage.LIVE, Stage.LIVE),
    }
    assert 240 <= sum(before[tenant] is not after[tenant] for tenant in TENANTS) <= 360


def test_a_variation_beside_a_rollout_is_what_counts_and_leaves():
    both = new_surface_flag("chat") | {
        "fallthrough": {
            "variation": 0,
            "rollout": {"contextKind": "tenant", "seed": 5, "variations": [{"variation": 5, "weight": 100_000}]},
        }
    }
    moved = share(both, "chat", Stage.DUALWRITE, 10.0, Stage.OFF)
    assert percents(moved) == {"off": 90.0, "dualwrite": 10.0}
    assert ("variation" in moved["fallthrough"], moved["fallthrough"]["rollout"]["seed"]) == (False, 5)


def test_members_that_an_edit_does_not_concern_stay_as_they_are():
    flag = new_surface_flag("chat") | {
        "version": 7,
        "rules": [RULE],
        "prerequisites": [{"key": "x", "variation": 1}],
        "description": "theirs",
    }
    moved = share(flag, "chat", Stage.DUALWRITE)
    assert {name for name in moved if moved[name] != flag.get(name)} == {"version", "fallthrough"}


def test_an_edit_that_changes_nothing_returns_the_very_flag_and_another_one_has_the_next_version():
    flag = share(None, "chat", Stage.DUALWRITE)
    assert share(flag, "chat", Stage.DUALWRITE) is flag
    assert share(flag, "chat", Stage.SHADOW)["version"] == flag["version"] + 1


def test_a_flag_of_four_stages_is_edited_with_the_variations_that_it_has():
    four = new_surface_flag("chat") | {"variations": ["off", "shadow", "live", "complete"]}
    assert percents(share(four, "chat", Stage.SHADOW, 20.0)) == {"off": 80.0, "shadow": 20.0}
    with pytest.raises(ConfigurationError, match="no variation `dualwrite`; it has: off, shadow, live, complete"):
        share(four, "chat", Stage.DUALWRITE)


def test_an_experiment_stays_one_and_what_it_does_not_track_stays_so():
    listed = [{"variation": 0, "weight": 0}, {"variation": 2, "weight": 70_000}, {"variation": 3, "weight": 30_000, "untracked": True}]
    flag = new_surface_flag("chat") | {
        "fallthrough": {"rollout": {"kind": "experiment", "contextKind": "tenant", "seed": 61, "variations": listed}}
    }
    rollout = share(flag, "chat", Stage.LIVE, 45.0)["fallthrough"]["rollout"]
    assert (rollout["kind"], rollout["variations"][-1]) == ("experiment", {"variation": 3, "weight": 45_000, "untracked": True})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Stage.DUALWRITE, 101.0), "101 % is not possible; give 0 to 100 with at most three decimals"),
        ((Stage.DUALWRITE, 0.0001), "at most three decimals"),
        ((Stage.DUALWRITE, float("nan")), "not possible"),
        ((Stage.OFF, 50.0), "`off` has no stage before it for the other 50 %; use --all"),
        ((Stage.DUALWRITE, 50.0, Stage.SHADOW), "--rest shadow is not before `dualwrite`; give one of: off"),
    ],
)
def test_what_cannot_be_shared_so_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        share(None, "chat", *arguments)


def test_a_pinned_tenant_is_at_its_stage_and_an_unpinned_one_where_its_bucket_says():
    flag = pin(climb((Stage.DUALWRITE,)), "chat", "acme", Stage.SHADOW)
    assert stages_of(flag, ["acme", "zen"]) == {"acme": Stage.SHADOW, "zen": Stage.DUALWRITE}
    moved = pin(flag, "chat", "acme", Stage.LIVE)
    assert (stages_of(moved, ["acme"]), pins(moved)) == ({"acme": Stage.LIVE}, {"acme"})
    assert stages_of(unpin(moved, "chat", "acme"), ["acme"]) == {"acme": Stage.DUALWRITE}
    assert unpin(moved, "chat", "acme")["contextTargets"] == []


def test_pinning_leaves_other_peoples_targets_as_they_are():
    theirs = [{"contextKind": "user", "variation": 0, "values": []}, {"contextKind": "tenant", "variation": 3, "values": ["zen"]}]
    flag = new_surface_flag("chat") | {"contextTargets": theirs}
    assert pin(flag, "chat", "acme", Stage.LIVE)["contextTargets"] == [theirs[0], {**theirs[1], "values": ["zen", "acme"]}]
    assert pin(flag, "chat", "acme", Stage.OFF)["contextTargets"][1:] == theirs


def test_a_first_target_of_a_context_kind_leaves_targets_of_users_in_force():
    flag = new_surface_flag("chat") | {"targets": [{"variation": 3, "values": ["somebody"]}]}
    assert pin(flag, "chat", "acme", Stage.DUALWRITE)["contextTargets"][-1] == {"contextKind": "user", "variation": 3, "values": []}


def test_a_flag_that_is_switched_off_takes_no_pin():
    with pytest.raises(ConfigurationError, match="switched off"):
        pin(new_surface_flag("chat") | {"on": False}, "chat", "acme", Stage.DUALWRITE)


def test_unpinning_who_is_not_pinned_names_those_who_are():
    with pytest.raises(ConfigurationError, match="'zen' is not pinned; pinned are: acme"):
        unpin(pin(None, "chat", "acme", Stage.OFF), "chat", "zen")


@pytest.mark.parametrize(
    ("turns", "chat", "batch"),
    [
        ([(True, None)], True, True),
        ([(True, "chat")], True, False),
        ([(True, None), (False, "chat")], False, True),
        ([(True, "chat"), (True, None), (False, None)], False, False),
        ([(True, "chat"), (False, "chat")], False, False),
    ],
)
@pytest.mark.parametrize(
    "flag",
    [
        None,
        {"key": KILL_SWITCH, "version": 1, "on": True, "variations": [True, False], "offVariation": 1, "fallthrough": {"variation": 1}},
        {"key": KILL_SWITCH, "version": 4, "on": False, "variations": [False, True], "offVariation": 0, "fallthrough": {"variation": 1}},
        {"key": KILL_SWITCH, "version": 4, "on": True, "variations": [False, True], "fallthrough": {"variation": 0}, "rules": [RULE]},
        {
            "key": KILL_SWITCH,
            "version": 4,
            "on": True,
            "variations": [False, True],
            "offVariation": 0,
            "fallthrough": {"variation": 0},
            "prerequisites": [{"key": "nowhere", "variation": 1}],
            "contextTargets": [{"contextKind": "tenant", "variation": 0, "values": ["acme"]}],
        },
        {"key": KILL_SWITCH, "version": 1, "deleted": True, "on": True, "variations": [False, True], "fallthrough": {"variation": 1}},
        {"key": KILL_SWITCH, "version": 1, "on": True, "variations": ["x"], "fallthrough": {"variation": 0}},
    ],
    ids=["new", "true first", "switched off", "a rule against it", "prerequisite and target", "deleted", "no booleans"],
)
def test_the_kill_switch_is_what_it_was_turned_to_whatever_else_the_flag_says(flag, turns, chat, batch):
    for on, surface in turns:
        flag = kill(flag, on, surface, SURFACES)
    assert killed(flag) == {"chat": chat, "batch": batch}


def test_a_kill_switch_for_all_surfaces_holds_for_later_ones_too():
    assert killed(kill(None, True, None, SURFACES), surfaces=("new",)) == {"new": True}


def test_rules_behind_the_kill_switch_stay():
    flag = {"key": KILL_SWITCH, "version": 4, "on": True, "variations": [False, True], "fallthrough": {"variation": 0}, "rules": [RULE]}
    assert kill(flag, True, None, SURFACES)["rules"] == [RULE]


def test_sampling_is_set_for_all_a_surface_and_a_tenant_and_the_tenant_goes_first():
    flag = sample(sample(sample(None, 20), 5, surface="chat"), 50.5, tenant_id="acme")
    assert (sampled(flag, "batch", "zen"), sampled(flag, "chat", "zen"), sampled(flag, "chat", "acme")) == (20.0, 5.0, 50.5)
    assert sampled(unsample(flag, tenant_id="acme"), "chat", "acme") == 5.0
    assert sampled(unsample(flag, surface="chat"), "chat", "zen") == 20.0


def test_sampling_that_is_set_again_takes_the_place_of_the_old_one():
    flag = sample(sample(None, 5, surface="chat"), 7, surface="chat")
    assert (sampled(flag), len(flag["contextTargets"])) == (7.0, 1)


def test_a_sampling_flag_that_is_switched_off_stays_so_and_its_rules_stay_asleep():
    flag = {
        "key": SHADOW_SAMPLING,
        "version": 1,
        "on": False,
        "variations": [0, 100],
        "offVariation": 0,
        "fallthrough": {"variation": 1},
        "contextTargets": [{"contextKind": "tenant", "variation": 1, "values": ["acme"]}],
    }
    assert (sampled(sample(flag, 30)), sample(flag, 30)["on"]) == (30.0, False)
    with pytest.raises(ConfigurationError, match="become active"):
        sample(flag, 30, surface="chat")
    assert sampled(sample(flag | {"contextTargets": []}, 30, surface="chat"), "batch") == 0.0


@pytest.mark.parametrize(
    ("percent", "named", "message"),
    [(101, {}, "give 0 to 100"), (float("nan"), {}, "not possible"), (5, {"surface": "chat", "tenant_id": "acme"}, "give one of them")],
)
def test_a_sampling_that_is_not_possible_is_refused(percent, named, message):
    with pytest.raises(ConfigurationError, match=message):
        sample(None, percent, **named)


def test_a_sampling_that_is_not_set_cannot_be_taken_back():
    with pytest.raises(ConfigurationError, match="names no surface 'chat'"):
        unsample(sample(None, 5), surface="chat")


def test_failover_is_a_switch_of_its_own():
    assert fail_over(fail_over(None, True), False)["fallthrough"] == {"variation": 0}
    assert fail_over(None, True)["key"] == CANDIDATE_FAILOVER
