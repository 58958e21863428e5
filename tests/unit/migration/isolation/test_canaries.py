import json

import pytest

from migration.isolation import Canaries, LiveCanary, Neighbourhood


def test_a_token_tells_whose_it_is(canaries, ann, bob, cat):
    canary = canaries.read(canaries.token(ann))
    assert canary is not None
    assert [canaries.is_of(canary, owner) for owner in (ann, cat, bob)] == [(True, True), (True, False), (False, False)]


def test_a_token_says_nothing_readable(canaries, ann):
    token = canaries.token(ann)
    assert not [part for part in ("acme", "ann", ann.thread_id, ann.run_id) if part in token]


def test_each_run_has_a_token_of_its_own(canaries, ann):
    other = type(ann)(tenant_id=ann.tenant_id, user_id=ann.user_id, thread_id=ann.thread_id, run_id="another")
    assert canaries.token(ann) != canaries.token(other)


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-1], lambda t: f"{t}0", lambda t: f"{t[:20]}0{t[21:]}", lambda t: t.upper(), lambda _: "ü" * 53]
)
def test_what_only_looks_like_a_token_is_none(canaries, bob, spoil):
    assert canaries.read(spoil(canaries.token(bob))) is None


def test_a_token_made_with_another_key_is_none(canaries, bob):
    assert canaries.read(Canaries(b"another key").token(bob)) is None


def reply(content):
    return json.dumps({"message": {"role": "assistant", "content": content}, "usage": {"prompt_tokens": 1}}).encode()


def test_a_models_free_text_carries_the_token():
    planted = json.loads(LiveCanary(token="tweet").plant("model", reply("You spent 3 EUR.")))
    assert planted == {"message": {"role": "assistant", "content": "You spent 3 EUR. tweet"}, "usage": {"prompt_tokens": 1}}


@pytest.mark.parametrize("content", [None, "", "  ", '{"data_sufficiency": "partial"}', ' ["a"]', "```json\n{}\n```", 3])
def test_an_answer_that_a_program_reads_stays_as_it_is(content):
    assert LiveCanary(token="tweet").plant("model", reply(content)) == reply(content)


@pytest.mark.parametrize("odd", [b'"text"', b"[]", b"{}", b'{"message": null}'])
def test_a_reply_of_an_unknown_shape_stays_as_it_is(odd):
    assert LiveCanary(token="tweet").plant("model", odd) == odd


def test_no_other_effect_carries_the_token():
    assert LiveCanary(token="tweet").plant("tool", reply("text")) == reply("text")


def test_only_synthetic_tenants_get_a_canary_in_served_runs(canaries, ann, bob, request_of):
    neighbourhood = Neighbourhood(canaries, [bob.tenant_id])
    assert neighbourhood.enter(request_of(ann)) is None
    assert neighbourhood.enter(request_of(bob)) == LiveCanary(token=canaries.token(bob))
