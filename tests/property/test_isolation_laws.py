"""The laws of looking for other people's data: the search misses and invents nothing, clean runs raise no alarm, no leak is overlooked."""

import string
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.isolation import Canaries, Identity, Inspector
from migration.isolation.identity import distinctive
from migration.isolation.search import MIN_BYTES, Search
from migration.model import Comparison, Event, Origin, RunRecord, RunRequest, Stage, Timing, Verdict

NOW = Timing(duration_s=0.0, effect_s=0.0, first_event_s=None)

few_letters = st.text("ab", max_size=60).map(str.encode)
needles = st.lists(st.text("ab", min_size=MIN_BYTES, max_size=14).map(str.encode), min_size=1, max_size=6, unique=True)


@given(texts=needles, filling=st.lists(few_letters, max_size=4), data=st.data())
def test_the_search_finds_exactly_what_stands_there(texts, filling, data):
    pieces = [piece for one in filling for piece in (one, data.draw(st.sampled_from(texts)))]
    haystack = b"".join(pieces)
    plainly = {(number, at) for number, text in enumerate(texts) for at in range(len(haystack)) if haystack.startswith(text, at)}
    assert sorted(Search(texts).find(haystack)) == sorted(plainly)


# Identities that share beginnings and ends, so that one is often a part of another one.
STEMS = ("tenant-7f3a9c", "ann.lee@acme.example", "5b1e77aa90c3", "thread-5b1e77aa90c3", "9d3f1c44e0b84f6f8f3c2a7d51c09b1e")
stretched = st.tuples(st.sampled_from(["", "a", "4", "joann"]), st.sampled_from(STEMS), st.sampled_from(["", "2", "e", "0f", "2e", "2eu"]))
identifiers = stretched.map("".join)
identities = st.builds(Identity, tenant_id=identifiers, user_id=identifiers, thread_id=identifiers, run_id=identifiers)


def make_record(owner: Identity, origin: Origin, texts: list[str]) -> RunRecord:
    ids = msgspec.structs.asdict(owner)

    def frame(text: str) -> bytes:
        payload: dict[str, Any] = {"reasoning": text, "context": {**ids, "note": text}}
        return msgspec.json.encode({"type": "agent_thinking", **ids, "agent_name": "data", "payload": payload})

    request = RunRequest(surface="chat", payload=b'{"message":"hello"}', received_at=0.0, **ids)
    events = tuple(Event(kind="agent_thinking", lane="data", payload=frame(text), at_s=0.0) for text in texts)
    return RunRecord(request=request, origin=origin, events=events, journal=(), outcome="completed", duration_s=0.0, trace_id=None)


def inspect(owner: Identity, others: list[Identity], control: list[str], candidate: list[str]) -> Comparison:
    served = make_record(owner, Origin.CONTROL, control)
    ids = msgspec.structs.asdict(owner)
    comparison = Comparison(
        surface="chat", stage=Stage.SHADOW, serving=Origin.CONTROL, verdict=Verdict.MATCH, divergences=(), control=NOW, candidate=NOW, **ids
    )
    inspector = Inspector(Canaries(b"a key of the tests"))
    return inspector.scan(served, make_record(owner, Origin.CANDIDATE, candidate), neighbours=others).reported_in(comparison)


# Whoever is called so, in whatever field: a text does not say which of them is meant.
def is_foreign(value: str, owner: Identity, others: list[Identity]) -> bool:
    own = {text for _, text in owner.values()}
    mine = {text for one in others if (one.tenant_id, one.user_id) == (owner.tenant_id, owner.user_id) for _, text in one.values()} | own
    return value not in mine


@settings(max_examples=4 * settings.default.max_examples)
@given(
    owner=identities,
    others=st.lists(identities, max_size=8),
    words=st.lists(st.sampled_from(["spent", "3.5 EUR", "on", "gpt-4o", "(see", "2025-03-14)"]), max_size=6),
    data=st.data(),
)
def test_a_clean_run_raises_no_alarm_however_alike_the_identifiers_are(owner, others, words, data):
    own = [text for _, text in owner.values()]
    # A name that only begins like somebody else's identifier is another name.
    longer = [f"{value}x7" for one in others for _, value in one.values()]
    said = [" ".join(data.draw(st.permutations([*words, *own, *longer[:3]]))) for _ in range(2)]
    assert inspect(owner, others, said, said[::-1]).divergences == ()


around = st.sampled_from([("", ""), (" ", " "), ('"', '"'), ("\n", "\n"), ("(", ")."), ("id:", ","), ("\t", "!"), ("é ", " é"), ("=", ";")])


# A coincidence that random examples seldom hit: another thread of the user's own is called as another tenant's user.
NAMESAKE = "9d3f1c44e0b84f6f8f3c2a7d51c09b1e"
ANN = Identity(tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1")
ANN_AGAIN = Identity(tenant_id="acme", user_id="ann", thread_id=NAMESAKE, run_id="r-2")
BOB = Identity(tenant_id="initech", user_id=NAMESAKE, thread_id="t-9", run_id="r-9")


@pytest.mark.parametrize("others", [[ANN_AGAIN, BOB], [BOB, ANN_AGAIN]])
def test_what_is_the_users_own_is_no_leak_though_somebody_else_is_called_so(others):
    assert inspect(ANN, others, ["fine"], ["fine", f"see {NAMESAKE}"]).divergences == ()


def test_what_stands_within_the_name_of_another_run_of_the_user_is_no_leak():
    again = msgspec.structs.replace(ANN_AGAIN, thread_id="t-1", run_id=f"run-{NAMESAKE}0f")
    assert inspect(ANN, [again, BOB], ["fine"], ["fine", f"see run-{NAMESAKE}0f"]).divergences == ()


@given(owner=identities, others=st.lists(identities, min_size=1, max_size=8), between=around, data=st.data())
def test_no_leak_is_overlooked_wherever_it_stands(owner, others, between, data):
    leaked = data.draw(st.sampled_from([value for one in others for _, value in one.values()]))
    before, after = between
    filling = data.draw(st.text(string.ascii_letters + ' "\\\n', max_size=30))
    text = f"{filling} {before}{leaked}{after}"
    found = inspect(owner, others, ["fine"], ["fine", text]).divergences
    assert bool(found) is (distinctive(leaked) and is_foreign(leaked, owner, others))
