"""What the proof of an edit finds, and what it refuses with whom as evidence."""

import pytest

from migration.flags.edits.surface_changes import new_surface_flag, pin, share, unpin
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import KILL_SWITCH, FlagData, surface_flag_key
from migration.flags.proofs.edit_proof import Aim, prove
from migration.model import Stage

CHAT, BATCH = surface_flag_key("chat"), surface_flag_key("batch")
KNOWN = tuple(Tenant(tenant_id=f"tenant-{number}") for number in range(200))


def rollout(*weights, **more):
    """Return a fallthrough with one weight a stage, in stage order."""
    listed = [{"variation": index, "weight": weight} for index, weight in enumerate(weights)]
    return {"rollout": {"contextKind": "tenant", "variations": listed, **more}}


def flag(*weights, surface="chat", **more):
    return new_surface_flag(surface) | {"version": 7, "fallthrough": rollout(*weights)} | more


def rule(variation, *plans, number=1):
    clause = {"contextKind": "tenant", "attribute": "plan", "op": "in", "values": list(plans)}
    return {"id": f"r{number}", "variation": variation, "clauses": [clause]}


def check(before, after, *, others=(), **arguments):
    flags = {other["key"]: other for other in others}
    old = FlagData(flags=flags | ({} if before is None else {CHAT: before}))
    arguments = {"known": KNOWN, "surfaces": ("chat", "batch"), **arguments}
    return prove(old, FlagData(flags=flags | {CHAT: after}), "chat", **arguments)


def paths(proof):
    return {(move.before.value, move.after.value): move.percent for move in proof.moves}


def test_raising_a_percentage_is_proved_and_says_how_many_move_and_which_known_ones():
    before = flag(0, 0, 70_000, 30_000)
    proof = check(before, share(before, "chat", Stage.LIVE, 45.0), aim=Aim(stage=Stage.LIVE, percent=45.0))
    (move,) = proof.moves
    assert (proof.problems, paths(proof)) == ((), {("shadow", "live"): 15.0})
    assert (len(move.tenants), proof.before[Stage.LIVE] + len(move.tenants)) == (len(set(move.tenants)), proof.after[Stage.LIVE])
    assert proof.known == len(KNOWN)


def test_a_migration_that_has_not_begun_starts_with_dualwrite():
    proof = check(None, share(None, "chat", Stage.DUALWRITE), aim=Aim(stage=Stage.DUALWRITE))
    assert (proof.problems, paths(proof)) == ((), {("off", "dualwrite"): 100.0})


def test_a_skipped_stage_is_refused_with_percentage_and_tenants_as_evidence():
    (problem,) = check(None, share(None, "chat", Stage.SHADOW)).problems
    assert problem.startswith(
        "100 % of the tenants, among those known tenant-0, tenant-1, tenant-10, tenant-100, tenant-101 and 195 more: off -> shadow"
    )
    assert problem.endswith("skips a stage; go to dualwrite first")


def test_a_variation_beside_a_rollout_is_seen_as_the_sdk_sees_it():
    before = flag() | {"fallthrough": {"variation": 0, **rollout(0, 0, 0, 0, 0, 100_000)}}
    assert "off -> rampdown skips a stage" in check(before, share(before, "chat", Stage.RAMPDOWN)).problems[0]


def test_lowering_is_no_problem_and_is_known_as_such():
    before = flag(0, 0, 70_000, 30_000)
    proof = check(before, share(before, "chat", Stage.LIVE, 10.0))
    assert (proof.problems, proof.lowering, paths(proof)) == ((), True, {("live", "shadow"): 20.0})


def test_going_back_while_others_go_forward_is_refused():
    before = flag(50_000, 20_000, 30_000)
    proof = check(before, share(before, "chat", Stage.DUALWRITE))
    assert proof.problems == (f"{proof.moves[1].who}: shadow -> dualwrite is backwards, while others move forward",)


@pytest.mark.parametrize(
    "dealing",
    [
        {"salt": "another"},
        {"fallthrough": rollout(0, 0, 70_000, 30_000, seed=61)},
        {"fallthrough": rollout(0, 0, 70_000, 30_000, bucketBy="region")},
    ],
    ids=["salt", "seed", "attribute"],
)
def test_another_salt_seed_or_attribute_is_refused(dealing):
    before = flag(0, 0, 70_000, 30_000)
    assert any("assigns all tenants to new buckets" in problem for problem in check(before, before | dealing).problems)


def test_anything_but_off_first_is_refused():
    before = flag(100_000)
    after = before | {"fallthrough": {"rollout": {"contextKind": "tenant", "variations": [{"variation": 1, "weight": 100_000}]}}}
    assert any("would list dualwrite first" in problem for problem in check(before, after).problems)


def test_who_matches_a_rule_does_not_move_with_the_percentage():
    before = flag(0, 0, 70_000, 30_000, rules=[rule(0, "free")])
    known = (*KNOWN, *(Tenant(tenant_id=f"free-{number}", attributes={"plan": "free"}) for number in range(200)))
    proof = check(before, share(before, "chat", Stage.LIVE), known=known)
    assert (proof.problems, paths(proof)) == ((), {("shadow", "live"): 70.0})
    assert not any(tenant.startswith("free-") for tenant in proof.moves[0].tenants)


def test_other_rules_cannot_be_proved():
    before = flag(100_000, rules=[rule(0, "free")])
    assert any("other rules" in problem for problem in check(before, before | {"rules": []}).problems)


def test_a_flag_that_is_switched_on_is_proved_way_by_way():
    before = flag(50_000, 50_000, on=False, rules=[rule(1, "free"), rule(3, "paid", number=2)])
    proof = check(before, before | {"on": True})
    assert paths(proof)["off", "dualwrite"] == 50.0
    assert proof.problems == (
        "whom rule 2 matches (their identity cannot be determined): off -> live skips a stage; go to dualwrite first",
    )
    assert any("whom rule 1 matches" in move.who for move in proof.moves)


def test_a_flag_that_would_be_gone_moves_everybody_to_off_and_is_refused():
    before = flag(0, 0, 70_000, 30_000)
    proof = check(before, before | {"deleted": True}, known=())
    assert paths(proof) == {("shadow", "off"): 70.0, ("live", "off"): 30.0}
    assert any("would be removed" in problem for problem in proof.problems)


def test_a_pinned_tenant_moves_alone():
    before = flag(0, 100_000)
    proof = check(before, pin(before, "chat", "acme", Stage.SHADOW), aim=Aim(stage=Stage.SHADOW, tenants=("acme",)))
    assert (proof.problems, [move.who for move in proof.moves]) == ((), ["acme"])


def test_every_pin_is_evaluated_though_nobody_knows_the_tenant():
    before = pin(flag(0, 0, 0, 100_000), "chat", "unheard-of", Stage.LIVE)
    proof = check(before, unpin(before, "chat", "unheard-of") | {"fallthrough": rollout(100_000)}, known=())
    assert proof.problems[0].startswith("100 % of the tenants, among those known unheard-of: live -> off skips a stage")


def test_a_pin_that_would_have_no_effect_is_refused_with_the_sdks_reason():
    before = flag(0, 100_000, prerequisites=[{"key": "nowhere", "variation": 0}])
    proof = check(before, pin(before, "chat", "acme", Stage.SHADOW), aim=Aim(stage=Stage.SHADOW, tenants=("acme",)))
    assert proof.problems == ("acme would be at off instead of shadow: the SDK's reason is PREREQUISITE_FAILED (nowhere)",)


def test_a_rollout_by_another_kind_of_context_has_no_effect_and_is_refused():
    before = flag() | {"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 100_000}]}}}
    after = share(before, "chat", Stage.DUALWRITE)
    assert "0 % instead of 100 %" in check(before, after, aim=Aim(stage=Stage.DUALWRITE)).problems[0]


def test_a_rollout_by_an_attribute_is_proved_over_its_values():
    before = flag() | {"fallthrough": rollout(50_000, 50_000, bucketBy="region")}
    known = [Tenant(tenant_id=f"t{number}", attributes={"region": f"region-{number}"}) for number in range(100)]
    proof = check(before, share(before, "chat", Stage.DUALWRITE), known=known)
    assert (proof.problems, paths(proof)) == ((), {("off", "dualwrite"): 50.0})
    assert 30 <= len(proof.moves[0].tenants) <= 70


def test_a_pin_under_rules_that_look_at_what_is_not_known_cannot_be_proved():
    before = flag(0, 100_000, rules=[rule(0, "free")])
    after = pin(before, "chat", "acme", Stage.SHADOW)
    assert "use plan, which is not known of acme" in check(before, after).problems[0]
    assert check(before, after, known=[Tenant(tenant_id="acme", attributes={"plan": "paid"})]).problems == ()


def test_a_surface_that_asks_for_this_flag_moves_along_and_is_refused():
    batch = flag(0, 100_000, surface="batch", prerequisites=[{"key": CHAT, "variation": 1}])
    before = flag(0, 100_000)
    proof = check(before, share(before, "chat", Stage.SHADOW), others=[batch])
    assert [(move.surface, move.before.value, move.after.value) for move in proof.moves][-1] == ("batch", "dualwrite", "off")
    assert any(f"{BATCH} has {CHAT} as a prerequisite" in problem for problem in proof.problems)


def test_a_kill_switch_that_asks_for_this_flag_is_refused():
    switch = {"key": KILL_SWITCH, "version": 1, "on": True, "variations": [False, True], "prerequisites": [{"key": CHAT, "variation": 1}]}
    assert any(KILL_SWITCH in problem for problem in check(None, share(None, "chat", Stage.DUALWRITE), others=[switch]).problems)


def test_the_edge_of_one_weight_is_probed():
    before = flag(0, 0, 99_999, 1)
    assert paths(check(before, share(before, "chat", Stage.LIVE, 0.002), known=())) == {("shadow", "live"): 0.001}


def test_progress_counts_every_tenant_once():
    seen = []
    check(None, share(None, "chat", Stage.DUALWRITE), progress=seen.append)
    assert sum(seen) == len(KNOWN)
