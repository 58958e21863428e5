"""Flags are read in every form in which people have them, and what is wrong is said in words for the operator."""

import json

import pytest

from migration.errors import FlagSourceError
from migration.flags.meaning.data import FlagData, read_flag_data
from migration.flags.meaning.evaluation import FlagEvaluator
from tests.unit.migration.flags.making import at, clause, flag_file, rule, surface_flag

FLAG = at("live", version=7)
SEGMENT = {"key": "beta", "version": 3, "included": ["acme"]}

FORMS = {
    "flag file": {"flags": {FLAG["key"]: FLAG}, "segments": {"beta": SEGMENT}},
    "answer of /sdk/latest-all": {"segments": {"beta": SEGMENT}, "flags": {FLAG["key"]: FLAG}, "version": 3},
    "lists of flags and segments": {"flags": [FLAG], "segments": [SEGMENT]},
    "put of the stream": {"path": "/", "data": {"flags": {FLAG["key"]: FLAG}, "segments": {"beta": SEGMENT}}},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_gives_the_same_flags_and_segments(form):
    data, problems = read_flag_data(json.dumps(form).encode())
    assert (dict(data.flags), dict(data.segments), problems, data.version) == ({FLAG["key"]: FLAG}, {"beta": SEGMENT}, (), 10)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_have_any_encoding_of_json(encoding):
    data, _ = read_flag_data(json.dumps({"flags": {FLAG["key"]: FLAG}}).encode(encoding))
    assert set(data.flags) == {FLAG["key"]}


def test_flag_values_are_flags_that_serve_their_value_to_everybody():
    data, problems = read_flag_data(b'{"flagValues": {"execution-engine-chat": "live", "execution-engine-kill-switch": false}}')
    assert data.flags["execution-engine-chat"]["variations"] == ["live"]
    assert (problems, data.version) == ((), 2)


def test_a_flag_under_both_flags_and_flag_values_is_read_from_flags_and_named():
    raw = {"flags": {FLAG["key"]: FLAG}, "flagValues": {FLAG["key"]: "off"}}
    data, problems = read_flag_data(json.dumps(raw).encode())
    assert (data.flags[FLAG["key"]], [problem.place for problem in problems]) == (FLAG, ["flagValues"])


def test_a_flag_without_a_version_has_the_first_one():
    data, problems = read_flag_data(flag_file({key: value for key, value in FLAG.items() if key != "version"}))
    assert (data.version, problems) == (1, ())


UNREADABLE = {
    "empty": (b"", "it is empty"),
    "half written": (flag_file(FLAG)[:200], "ends too early|not JSON at line"),
    "not JSON": (b"flags: yes", "not JSON at line 1"),
    "not text": (b"\xff\xfe\xfa", "not JSON text"),
    "a list": (b"[]", "neither `flags` nor `flagValues`"),
    "an HTML page": (b"<html>sign in</html>", "not JSON at line 1"),
    "the REST API's": (b'{"items": [{"key": "a", "environments": {}}]}', "REST API"),
    "flags of another type": (b'{"flags": 3}', "`flags` in it is not an object"),
    "segments of another type": (b'{"flags": {}, "segments": "none"}', "`segments` in it is not an object"),
    "too deep": (b"[" * 100_000, "not JSON text"),
    "a number without end": (b'{"flags": ' + b"1" * 10_000 + b"}", "not JSON text"),
}


@pytest.mark.parametrize(("raw", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_refused_in_words_for_the_operator(raw, words):
    with pytest.raises(FlagSourceError, match=words):
        read_flag_data(raw)


SPOILED = {
    "version": ({"version": "seven"}, "version", "must be a whole number"),
    "weight": (
        {"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 33.3}]}}},
        "fallthrough.rollout.variations[0].weight",
        "must be a whole number",
    ),
    "clause": (
        {"rules": [{"clauses": [clause("plan", "in"), {"attribute": "plan", "values": []}]}]},
        "rules[0].clauses[1].op",
        "is missing",
    ),
    "target": ({"contextTargets": [{"variation": 1, "values": ["a", 3]}]}, "contextTargets[0].values[1]", "must be text"),
    "rules": ({"rules": ["all"]}, "rules[0]", "must be an object"),
    "key": ({"key": "another"}, "key", "differs from the name"),
    "on": ({"on": "yes"}, "on", "must be true or false"),
    "segment": (
        {"rules": [rule({}, clause("", "segmentMatch", "beta", ["x"]))]},
        "rules[0].clauses[0].values[1]",
        "must be the key of a segment",
    ),
    "no key": ({"key": None}, "key", "is missing"),
}


@pytest.mark.parametrize(("change", "place", "words"), SPOILED.values(), ids=SPOILED.keys())
def test_a_spoiled_flag_is_left_out_and_named_with_its_place(change, place, words):
    spoiled, other = {**surface_flag("tools"), **change}, at("live")
    raw = json.dumps({"flags": {"execution-engine-tools": spoiled, other["key"]: other}}).encode()
    data, (problem,) = read_flag_data(raw)
    assert (set(data.flags), problem.key, problem.place) == ({other["key"]}, "execution-engine-tools", place)
    assert f"execution-engine-tools: `{place}` {words}" in str(problem)


@pytest.mark.parametrize("item", [None, 3, "live", []])
def test_a_flag_that_is_no_object_is_left_out_and_named(item):
    data, (problem,) = read_flag_data(json.dumps({"flags": {"a": item}}).encode())
    assert (dict(data.flags), str(problem)) == ({}, "a: is not a JSON object; correct it, or restore its earlier content")


def test_a_spoiled_segment_is_left_out_and_named():
    data, (problem,) = read_flag_data(json.dumps({"flags": {}, "segments": {"beta": {**SEGMENT, "included": "acme"}}}).encode())
    assert (dict(data.segments), str(problem).startswith("segment beta: `included` must be a list")) == ({}, True)


def test_no_sentence_quotes_a_value_of_the_file():
    raw = {"flags": {"a": {**FLAG, "key": "a", "contextTargets": [{"variation": "secret", "values": []}]}}}
    _, (problem,) = read_flag_data(json.dumps(raw).encode())
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    "harmless",
    [
        {"prerequisites": None, "rules": None, "targets": None},
        {"unheard_of": {"a": 1}},
        {"rules": [rule({"variation": 1}, clause("x", "nonsense"))]},
    ],
)
def test_what_the_sdk_evaluates_is_taken(harmless):
    data, problems = read_flag_data(flag_file({**FLAG, **harmless}))
    assert (problems, set(data.flags)) == ((), {FLAG["key"]})


@pytest.mark.parametrize("extra", [{"deleted": True, "version": 2}, {"key": "extra", "version": 1, "prerequisites": None}])
def test_the_sdk_takes_a_whole_set_with_a_tombstone_or_prerequisites_of_null(extra):
    raw = {"flags": {FLAG["key"]: FLAG, "extra": extra}}
    data, problems = read_flag_data(json.dumps(raw).encode())
    with FlagEvaluator.of(data) as evaluator:
        from migration.flags.meaning.contexts import Tenant

        assert (evaluator.stage("chat", Tenant(tenant_id="acme")).stage, problems) == ("live", ())


def test_a_tombstone_is_kept_and_is_not_a_flag():
    data, _ = read_flag_data(flag_file({**FLAG, "deleted": True}))
    assert (set(data.flags), data.live(FLAG["key"])) == ({FLAG["key"]}, None)


def test_a_flag_can_be_put_in_without_changing_the_data_before():
    before = FlagData()
    after = before.with_flag(FLAG["key"], FLAG)
    assert (dict(before.flags), after.live(FLAG["key"])) == ({}, FLAG)


def test_a_flag_of_the_rest_api_is_left_out_and_said_to_be_one():
    described = {"key": FLAG["key"], "variations": [{"value": "live"}], "environments": {"production": {"on": True}}}
    data, problems = read_flag_data(json.dumps({"flags": {FLAG["key"]: described, "other": {**FLAG, "key": "other"}}}).encode())
    assert (set(data.flags), [problem.key for problem in problems]) == ({"other"}, [FLAG["key"]])
    assert "fetch /sdk/latest-all" in str(problems[0])
