"""Seeded leaks of every kind are found where they are; what a run may know is not one."""

from datetime import date

import msgspec
import pytest

from migration.comparison import Accepted, Ledger
from migration.comparison.compare import compare
from migration.isolation import Identity
from migration.isolation.report import MOST
from migration.model import EffectError, Origin, RunLog, Stage, Verdict


def test_clean_runs_stay_a_match(pair):
    comparison = pair.inspected()
    assert (comparison.verdict, comparison.divergences, comparison.reasons) == (Verdict.MATCH, (), ())


def _final_answer(run, text):
    run.frames[1][2]["result"]["final_answer"] = text


def _ask(run, text, effect):
    run.effects.append(effect("default", {"messages": [{"role": "system", "content": "Help."}, {"role": "user", "content": text}]}, {}))


LEAKS = {
    "payload text": (lambda run, text, _: _final_answer(run, f"As {text} asked."), "agent_completed.payload.result.final_answer"),
    "payload key": (lambda run, text, _: run.frames[1][2].update({text: 1}), "agent_completed.payload.*"),
    "payload after a line break": (lambda run, text, _: _final_answer(run, f"a\n{text}\nb"), "agent_completed.payload.result.final_answer"),
    "JSON within a text": (
        lambda run, text, _: _final_answer(run, msgspec.json.encode({"for": text}).decode()),
        "agent_completed.payload.result.final_answer",
    ),
    "effect request": (_ask, "model.request.messages[1].content"),
    "effect error": (
        lambda run, text, effect: run.effects.append(effect("plan", {}, None, error=EffectError(type="E", message=f"no plan of {text}"))),
        "tool.plan.error",
    ),
    "run error": (lambda run, text, _: setattr(run, "error", EffectError(type="E", message=f"{text} is locked")), "run.error"),
}
OTHERS = {
    "another_tenant: tenant": lambda bob, _cat: bob.tenant_id,
    "another_tenant: user": lambda bob, _cat: bob.user_id,
    "another_tenant: thread": lambda bob, _cat: bob.thread_id,
    "another_tenant: run": lambda bob, _cat: bob.run_id,
    "another_user: user": lambda _bob, cat: cat.user_id,
    "another_user: thread": lambda _bob, cat: cat.thread_id,
}


@pytest.fixture(params=OTHERS)
def other(request, bob, cat):
    """What leaks, by its name."""
    return request.param, OTHERS[request.param](bob, cat)


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("side", ["control", "candidate"])
def test_an_identifier_of_somebody_else_is_found_on_either_side(pair, effect, other, leak, side):
    plant, path = LEAKS[leak]
    plant(getattr(pair, side), other[1], effect)
    assert pair.found() == [(other[0], side, path)]


def test_a_leak_in_an_effects_reply_is_found_where_it_came_in(pair, effect, bob):
    for run in (pair.control, pair.candidate):
        run.effects.append(effect("usage_summary", {}, {"rows": [{"cost": 1}, {"owner": bob.user_id}]}))
    assert pair.found() == [("another_tenant: user", "control", "tool.usage_summary.reply.rows[1].owner")]


def test_a_leak_in_a_reply_that_the_shadow_alone_got_is_found(pair, effect, bob):
    read = effect("usage_summary", {"name": "usage_summary"}, {"owner": bob.user_id})
    pair.candidate.effects.append(msgspec.structs.replace(read, performed_by_shadow=True))
    assert pair.found() == [("another_tenant: user", "candidate", "tool.usage_summary.reply.owner")]


@pytest.mark.parametrize(("whose", "side"), [("served_log", "control"), ("log", "candidate")])
def test_a_leak_in_a_log_line_is_found_in_the_run_that_logged_it(pair, bob, whose, side):
    setattr(pair, whose, RunLog(lines=("it begins", f"cache hit for {bob.run_id}")))
    assert pair.found() == [("another_tenant: run", side, "log")]


def test_what_both_runs_logged_of_themselves_is_no_leak(pair, ann):
    pair.served_log = pair.log = RunLog(lines=(f"{ann.user_id} asked in {ann.run_id}",))
    assert pair.found() == []


def test_a_canary_in_an_answer_is_found_though_its_owner_was_never_heard_of(pair, canaries):
    stranger = Identity(tenant_id="hooli", user_id="gavin", thread_id="t", run_id="r")
    _final_answer(pair.control, f"You spent 5 EUR. {canaries.token(stranger)}")
    assert pair.found() == [("another_tenant: canary", "control", "agent_completed.payload.result.final_answer")]


def test_a_canary_of_another_user_of_the_tenant_is_found_even_in_the_history(pair, canaries, cat, run_of, ann):
    for side, origin in (("control", Origin.CONTROL), ("candidate", Origin.CANDIDATE)):
        setattr(pair, side, run_of(origin, ann, f"Earlier you said: {canaries.token(cat)}"))
    assert ("another_user: canary", "control", "run.request.message") in pair.found()


def test_the_runs_own_canary_is_none(pair, canaries, ann):
    earlier = msgspec.structs.replace(ann, run_id="an earlier run")
    _final_answer(pair.control, f"{canaries.token(ann)} {canaries.token(earlier)}")
    assert pair.found() == []


def test_a_token_that_a_user_made_up_is_none(pair):
    _final_answer(pair.control, "netra-canary-" + "0" * 40)
    assert pair.found() == []


def test_what_leaks_on_both_sides_is_one_divergence(pair, bob):
    _final_answer(pair.control, bob.user_id)
    _final_answer(pair.candidate, bob.user_id)
    assert pair.found() == [("another_tenant: user", "control+candidate", "agent_completed.payload.result.final_answer")]


def test_the_envelopes_own_leak_is_the_comparisons_to_report(pair, bob):
    pair.control.envelope = {"user_id": bob.user_id, "run_id": bob.run_id}
    served, shadow = pair.control.record(), pair.candidate.record()
    comparison = compare(served, shadow, stage=Stage.SHADOW, serving=Origin.CONTROL)
    inspected = pair.inspector.scan(served, shadow, neighbours=pair.known).reported_in(comparison)
    told = [(one.lane, one.path) for one in inspected.divergences if one.kind == "isolation_breach"]
    assert told == [("data", "agent_started.user_id"), ("data", "agent_completed.user_id")]


def test_the_envelopes_leak_is_reported_when_the_comparison_could_not(pair, bob):
    pair.control.envelope = {"user_id": bob.user_id}
    assert ("another_tenant: user", "control", "agent_started.user_id") in pair.found()


@pytest.mark.parametrize("text", ["of {}x", "of x{}", "of {}2", "of {}é"])
@pytest.mark.parametrize("field", ["tenant_id", "user_id", "run_id"])
def test_a_part_of_a_longer_word_is_no_leak(pair, bob, text, field):
    _final_answer(pair.control, text.format(getattr(bob, field)))
    assert pair.found() == []


@pytest.mark.parametrize(
    ("text", "leaks"), [("{}-eu", False), ("x.{}", False), ("{}.org", False), ("{}.", True), ("({})", True), ("k:{}:v", True)]
)
def test_a_name_that_goes_on_is_another_name(pair, bob, text, leaks):
    _final_answer(pair.control, text.format(bob.tenant_id))
    assert bool(pair.found()) is leaks


def test_a_random_identifier_is_found_within_a_longer_name(pair, bob):
    _final_answer(pair.control, f"cache-{bob.run_id}-v2")
    assert [named for named, _, _ in pair.found()] == ["another_tenant: run"]


def test_an_identifier_within_one_of_the_runs_own_is_no_leak(pair, ann, run_of):
    own = msgspec.structs.replace(ann, thread_id="acme-5b1e77aa90c3-77ab01cd23ef")
    pair.known = (*pair.known, msgspec.structs.replace(ann, tenant_id="t2", user_id="u2", thread_id="5b1e77aa90c3", run_id="r2"))
    for side, origin in (("control", Origin.CONTROL), ("candidate", Origin.CANDIDATE)):
        setattr(pair, side, run_of(origin, own))
        _final_answer(getattr(pair, side), f"thread {own.thread_id}")
    assert pair.found() == []


def test_what_the_user_wrote_is_no_news(pair, bob, ann, run_of):
    for side, origin in (("control", Origin.CONTROL), ("candidate", Origin.CANDIDATE)):
        setattr(pair, side, run_of(origin, ann, f"Write to {bob.user_id}"))
        _final_answer(getattr(pair, side), f"I wrote to {bob.user_id}")
    assert pair.found() == []


def test_the_tenants_data_may_speak_of_its_other_users(pair, cat, effect):
    for run in (pair.control, pair.candidate):
        run.effects.append(effect("usage_summary", {}, {"by_user": {cat.user_id: 3}}))
        _final_answer(run, f"{cat.user_id} spent 3 EUR.")
    assert pair.found() == []


def test_another_thread_of_the_same_user_is_no_leak(pair, ann):
    pair.known = (msgspec.structs.replace(ann, thread_id="thread-0a1b2c3d4e5f", run_id="0a1b2c3d4e5f60718293a4b5c6d7e8f9"),)
    _final_answer(pair.control, "as in thread-0a1b2c3d4e5f")
    assert pair.found() == []


def test_what_is_the_users_own_and_somebody_elses_is_a_leak_where_a_field_says_whose_it_is(pair, ann, bob):
    shared = bob.tenant_id  # of another thread of Ann's, too
    pair.known = (bob, msgspec.structs.replace(ann, thread_id=shared, run_id="0a1b2c3d4e5f60718293a4b5c6d7e8f9"))
    _final_answer(pair.control, f"as in {shared}")
    assert pair.found() == []
    pair.control.frames[0][2]["context"]["tenant_id"] = shared
    assert pair.found() == [("another_tenant: tenant", "control", "agent_started.payload.context.tenant_id")]


HAL = Identity(tenant_id="hooli", user_id="hal", thread_id="t-1", run_id="r-1")


@pytest.mark.parametrize(("field", "value"), [("tenant_id", "hooli"), ("user_id", "hal"), ("thread_id", "t-1"), ("run_id", "r-1")])
def test_a_common_identifier_is_found_in_a_field_called_like_it(pair, field, value):
    pair.known = (HAL,)
    pair.control.frames[0][2]["context"][field] = value
    assert pair.found() == [(f"another_tenant: {field.removesuffix('_id')}", "control", f"agent_started.payload.context.{field}")]


def test_a_common_identifier_is_found_in_a_field_of_json_within_a_text(pair, effect):
    pair.known = (HAL,)
    for run in (pair.control, pair.candidate):
        _ask(run, '{"tenant_id":"hooli"}', effect)
    assert pair.found() == [("another_tenant: tenant", "control+candidate", "model.request.messages[1].content")]


def test_a_common_identifier_in_a_text_or_another_field_means_nothing(pair):
    pair.known = (HAL,)
    pair.control.frames[0][2].update({"note": "hal of hooli", "model": "hal", "context": {"user_id": "hal9000"}})
    assert pair.found() == []


def test_a_common_identifier_that_the_outside_told_may_be_the_tenants_own(pair, effect):
    pair.known = (HAL,)
    for run in (pair.control, pair.candidate):
        run.effects.append(effect("list_users", {}, [{"user_id": "hal"}]))
        run.frames[0][2]["context"]["user_id"] = "hal"
    assert pair.found() == []


def test_nothing_that_leaked_is_in_what_is_told(pair, bob, canaries):
    _final_answer(pair.control, f"{bob.tenant_id} {bob.user_id} {canaries.token(bob)}")
    pair.control.frames[1][2]["by"] = {bob.user_id: {"thread_id": bob.thread_id}}
    told = msgspec.json.encode(pair.inspected()).decode()
    leaked = [bob.tenant_id, bob.user_id, bob.thread_id, bob.run_id, canaries.token(bob)]
    assert [value for value in leaked if value in told] == []
    assert canaries.tenant(bob.tenant_id) in told


def test_control_that_alone_mixes_people_up_is_a_finding_of_its_own_and_no_divergence_of_the_candidate(pair, bob):
    _final_answer(pair.control, bob.user_id)
    comparison = pair.inspected()
    assert comparison.verdict is Verdict.NOISE
    assert [(one.kind, one.severity, one.verdict) for one in comparison.divergences] == [("control_cross_talk", "security", Verdict.NOISE)]


def test_what_both_runs_got_is_not_put_down_to_control(pair, bob, effect):
    pair.control.effects[0] = effect("usage_summary", {}, {"rows": [{"owner": bob.user_id}]})
    assert [one.kind for one in pair.inspected().divergences] == ["isolation_breach"]


def test_no_amount_of_controls_cross_talk_hides_a_breach_of_the_candidate(pair, bob):
    pair.control.frames += [(f"kind_{chr(97 + n // 26)}{chr(97 + n % 26)}", "data", {"by": bob.user_id}) for n in range(3 * MOST)]
    _final_answer(pair.candidate, bob.user_id)
    comparison = pair.inspected()
    assert (comparison.verdict, comparison.divergences[0].kind) == (Verdict.DIVERGENT, "isolation_breach")


def test_a_breach_is_of_the_highest_severity_and_makes_the_comparison_divergent(pair, bob):
    _final_answer(pair.candidate, bob.user_id)
    comparison = pair.inspected(verdict=Verdict.ACCEPTED)
    assert comparison.verdict is Verdict.DIVERGENT
    assert [(one.kind, one.severity, one.verdict) for one in comparison.divergences] == [
        ("isolation_breach", "security", Verdict.DIVERGENT)
    ]


def test_a_comparison_that_hit_a_limit_stays_inconclusive_and_tells_the_breach(pair, bob):
    _final_answer(pair.control, bob.user_id)
    comparison = pair.inspected(verdict=Verdict.INCONCLUSIVE)
    assert (comparison.verdict, len(comparison.divergences)) == (Verdict.INCONCLUSIVE, 1)


@pytest.mark.parametrize(("whose", "named"), [("served_log", "served run"), ("log", "shadow")])
def test_log_lines_that_were_not_scanned_make_it_inconclusive(pair, whose, named):
    setattr(pair, whose, RunLog(lines=(), lost=2))
    comparison = pair.inspected()
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert tuple(map(str, comparison.reasons)) == (f"2 log lines of the {named} were not scanned for other tenants' data",)


def test_the_ledger_cannot_accept_a_breach(pair, bob):
    _final_answer(pair.candidate, bob.user_id)
    (breach,) = pair.inspected().divergences
    entry = Accepted(id="x", reason="because", owner="ann", expires=date(2999, 1, 1), fingerprint=breach.fingerprint)
    assert Ledger([entry]).judge(breach, date(2025, 1, 1)).verdict is Verdict.DIVERGENT


def test_a_fingerprint_is_the_same_for_other_people_and_other_places_in_a_list(canaries, pair, bob, cat, effect):
    def fingerprint(owner, at):
        row = {"owner": f"{owner}"}
        pair.control.effects[0] = effect("usage_summary", {}, {"rows": [{}] * at + [row]})
        (breach,) = pair.inspected().divergences
        return breach.fingerprint

    pair.known = (bob, msgspec.structs.replace(bob, tenant_id="t3", user_id="joe@hooli.example"))
    assert fingerprint(bob.user_id, 1) == fingerprint("joe@hooli.example", 7)
    assert fingerprint(bob.user_id, 1) != fingerprint(bob.thread_id, 1)


def test_breaches_of_many_kinds_are_told_up_to_a_limit(pair, bob):
    pair.control.frames += [(f"kind_{chr(97 + n // 26)}{chr(97 + n % 26)}", "data", {"by": bob.user_id}) for n in range(3 * MOST)]
    assert len(pair.inspected().divergences) == MOST


def test_who_was_served_earlier_is_remembered(pair, bob):
    pair.inspected()
    pair.known = ()
    _final_answer(pair.control, bob.user_id)
    assert len(pair.found()) == 1


def test_the_numbers_of_new_identifiers_are_told_once(pair):
    pair.inspected()
    learnt = pair.inspector.learnt()
    assert (learnt.sought_in_text, learnt.sought_in_fields) == (10, 1)
    assert pair.inspector.learnt() == type(learnt)()
