"""What may be stored: numbers and words of our own code; texts only as shapes, secrets never."""

import string
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from migration.evidence import EvidenceStore, Redactor
from migration.evidence.redaction import ENUM_FIELDS, MAX_TEXT, is_enum
from migration.evidence.scrub import QUOTE, scrub
from migration.evidence.tables import metadata
from migration.model import EffectError, Event, Origin, Stage, Verdict
from migration.sentence import say, word

Make = Any
redactor = Redactor(b"k" * 32, plaintext_tenants={"open-book"})

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=QUOTE, max_size=40)
# Words as people write them. One long word in a place for names passes for a name of our own code; see `Redactor.path`.
PROSE = st.lists(st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=QUOTE - 1), min_size=4).map(
    " ".join
)
# Hypothesis also tries words that stand in the code; these are ours, whoever says them.
NAMES = " ".join((*(str(column.name) for table in metadata.sorted_tables for column in table.columns), *Verdict, *Stage, *Origin))
NAMES += " agent_completed payload contract candidate "
FIELDS = st.sampled_from(["content", "message", "final_answer", "arguments", "note", "password", *sorted(ENUM_FIELDS)])
TREES = st.recursive(
    TEXTS | st.integers(-999, 999) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | TEXTS, inner, max_size=3),
    max_leaves=6,
)


def leaves(value: Any, field: str = "") -> Iterator[tuple[str, bool]]:
    """Yield every text in the value, and whether it is a word of our own code."""
    if isinstance(value, str):
        yield value, is_enum(value, field)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, field)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, key)


def test_a_text_becomes_its_length_and_a_keyed_digest() -> None:
    assert redactor.value("my account is 4711") == "str[18]#" + redactor.value("my account is 4711")[8:]
    assert redactor.value("my account is 4711") != Redactor(b"another").value("my account is 4711")


def test_equal_texts_are_seen_to_be_equal_and_different_ones_to_differ() -> None:
    assert redactor.value("good day") == redactor.value("good day")
    assert redactor.value("good day") != redactor.value("good bye")


@pytest.mark.parametrize("value", [0, -1.5, 10**12, True, False, None, [], {}, [1, {"count": 2}]], ids=repr)
def test_numbers_booleans_null_and_structure_stay(value: Any) -> None:
    assert redactor.value(value) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [("status", "failed"), ("agent_name", "optimization"), ("type", "agent_completed"), ("error_type", "ModelTimeoutError")],
)
def test_words_of_our_own_code_stay_in_the_fields_that_hold_them(field: str, text: str) -> None:
    assert redactor.value({field: text}) == {field: text}


@pytest.mark.parametrize("text", ["Ada Lovelace", "sk-live-4711", "ada@acme.example", "hunter2", "FAILED because of me", "a" * 60])
def test_those_fields_keep_nothing_else(text: str) -> None:
    assert redactor.value({"status": text})["status"].startswith(f"str[{len(text)}]#")


def test_object_keys_that_are_no_names_become_digests() -> None:
    assert list(redactor.value({"total_cost": 1, "Ada Lovelace": 2, "card_4711081512": 3})) == [
        "total_cost",
        *(f"#{redactor.shape(key).partition('#')[2]}" for key in ("Ada Lovelace", "card_4711081512")),
    ]


def test_long_and_deep_values_become_outlines() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    assert msgspec.json.encode(redactor.value(deep)).count(b"[") < 20
    assert redactor.value(list(range(100)))[-1] == "… 60 more"
    assert redactor.value({f"k{n}": n for n in range(100)})["…"] == "60 more"
    assert len(redactor.json(msgspec.json.encode({f"k{n}": ["text"] * 40 for n in range(40)}).decode()) or "") < MAX_TEXT


def test_text_that_is_no_json_counts_as_one_string() -> None:
    assert redactor.json("{'half': ") == f'"{redactor.shape("{" + chr(39) + "half" + chr(39) + ": ")}"'
    assert redactor.json(None) is None


def test_lanes_and_paths_keep_names_and_indexes_only() -> None:
    assert redactor.path("data/usage_summary#1") == "data/usage_summary#1"
    assert redactor.path("agent_completed.payload.items[3].cost") == "agent_completed.payload.items[3].cost"
    assert "Ada" not in redactor.path("agent_completed.payload.Ada Lovelace.cost")


@pytest.mark.parametrize(("id_", "stays"), [("run_01-a.b:c", True), ("ada@acme.example", False), ("Ada Lovelace", False), ("", False)])
def test_ids_stay_when_they_look_like_ids(id_: str, *, stays: bool) -> None:
    assert (redactor.identifier(id_) == id_) is stays


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop",
        "eyJhbGciOi.eyJzdWIiOiI.c2lnbmF0dXJl",
        "Bearer abcdefghijkl",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwx",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_a_tenant_that_allows_its_texts_still_gets_its_secrets_taken_out(secret: str) -> None:
    kept = redactor.value({"content": f"use {secret} please", "password": "swordfish"}, plain=True)
    assert kept["content"].startswith("use str[")
    assert kept["content"].endswith(" please")
    assert kept["password"].startswith("str[9]#")


def test_what_we_wrote_in_a_sentence_stays_though_a_user_writes_the_same(store: EvidenceStore, make: Make) -> None:
    sentence = say(
        "Control sends a duplicate `{kind}` for `{lane}`; {side} does not.", kind="agent_completed", lane="data", side=word("candidate")
    )
    served = make.run(events=(make.event(final_answer=f"well, {sentence}"),))
    store.store(*make.item(make.divergence(path="agent_completed", sentence=sentence), served=served))
    detail = store.divergence("a" * 12)
    assert detail is not None
    assert detail.divergence.sentence == "Control sends a duplicate `agent_completed` for `data`; candidate does not."


def test_a_name_that_the_row_shows_anyway_stays_in_what_a_sentence_quotes() -> None:
    assert scrub("agent_completed", "is it there? my agent_completed!", ["agent_completed"]) == "agent_completed"


def test_a_quoted_part_loses_what_a_user_wrote() -> None:
    assert scrub("it says 'my account is 4711', nothing", "well, my account is 4711.") == "it says '…', nothing"


def test_a_tenant_that_allows_its_texts_finds_them_in_examples_and_in_no_row_that_tenants_share(store: EvidenceStore, make: Make) -> None:
    divergence = make.divergence(
        control='"pay Ada in March"',
        candidate='"pay Bob in March"',
        sentence=say("{control} became {candidate}", control="pay Ada in March", candidate="pay Bob in March"),
    )
    served = make.run(tenant_id="open-book", events=(make.event(final_answer="pay Ada in March"),))
    shadow = make.run(Origin.CANDIDATE, tenant_id="open-book", events=(make.event(final_answer="pay Bob in March"),))
    store.store(*make.item(divergence, served=served, shadow=shadow))
    detail = store.divergence("a" * 12)
    assert detail is not None
    assert detail.examples[0].control == '"pay Ada in March"'
    assert "in March" not in detail.divergence.sentence


@pytest.fixture(scope="module")
def emptied() -> Iterator[Callable[..., EvidenceStore]]:
    """One store for all examples of a property, empty at the start of each: making the tables takes longest."""
    rows: list[Any] = []
    store = EvidenceStore("sqlite://", redactor, align=lambda *_: rows)
    store.summary("chat")

    def empty(*aligned: Any) -> EvidenceStore:
        rows[:] = aligned
        with store._database.engine.begin() as connection:
            for table in metadata.sorted_tables:
                connection.execute(table.delete())
        return store

    yield empty
    store.close()


@settings(max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=st.tuples(TREES, TREES, PROSE, PROSE))
def test_nothing_stored_quotes_a_user(said: tuple[Any, Any, str, str], make: Make, emptied: Callable[..., EvidenceStore]) -> None:
    """Whatever a comparison puts where: values, sentences, reasons, lanes, kinds, paths and ids."""
    control, candidate, message, name = said
    found = [*leaves(control), *leaves(candidate)]
    free = [message, name, *(text for text, ours in found if not ours)]
    ours = NAMES + " ".join(text for text, ours in found if ours)
    frames = [msgspec.json.encode({"type": "agent_completed", "payload": tree}) for tree in (control, candidate)]
    error = EffectError(type="ToolFailedError", message=message)
    served = make.run(
        user_id=name,
        events=(Event(kind=message, lane=name, payload=frames[0], at_s=0.0),),
        journal=(make.effect(request=frames[0], reply=None, error=error),),
        error=error,
    )
    shadow = make.run(Origin.CANDIDATE, user_id=name, events=(Event(kind="agent_completed", lane="data", payload=frames[1], at_s=0.0),))
    divergence = make.divergence(
        lane=name,
        path=f"agent_completed.{message}.payload",
        control=msgspec.json.encode(control).decode(),
        candidate=msgspec.json.encode(candidate).decode(),
        sentence=say("in `{name}`: {rest}", name=name, rest=" became ".join(free)),
        fingerprint=name,
        accepted_by=name,
    )

    class Row:
        mark = lane = name
        control = served.events[0]
        candidate = shadow.events[0]

    store = emptied(Row())
    store.store(
        *make.item(
            divergence, served=served, shadow=shadow, reasons=(say("stopped at\t{message}", message=message),), verdict=Verdict.INCONCLUSIVE
        )
    )
    stored = dump(store)
    quotes = {text[at : at + QUOTE] for text in free for at in range(len(text) - QUOTE + 1)}
    assert [quote for quote in quotes if quote in stored and quote not in ours] == []


def dump(store: EvidenceStore) -> str:
    """Return everything that the store holds, as text."""
    with store._database.engine.connect() as connection:
        return "\n".join(str(dict(row)) for table in metadata.sorted_tables for row in connection.execute(select(table)).mappings())


def test_the_dump_that_the_property_searches_holds_what_is_stored(store: EvidenceStore, make: Make) -> None:
    store.store(*make.item(make.divergence(lane=string.ascii_lowercase)))
    assert string.ascii_lowercase in dump(store)
