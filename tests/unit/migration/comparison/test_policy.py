"""A policy is data: it loads or says what is wrong, and it can hide nobody's identity."""

from pathlib import Path
from typing import Any

import pytest

from migration.comparison import default_policy, load_policy, parse_policy
from migration.comparison.read.normalise import Normaliser
from migration.comparison.show.explain import explain
from migration.errors import ConfigurationError, UnknownSurfaceError
from migration.model import Origin, Verdict

ENVELOPE = """
surface = "chat"
version = 1
protected = ["tenant_id", "status"]
[envelope]
texts = ["type", "tenant_id"]
[envelope.identity]
tenant_id = "tenant_id"
"""


def with_rule(action: str, paths: str, more: str = "") -> str:
    return ENVELOPE + f'[[rules]]\nid = "one"\naction = "{action}"\npaths = ["{paths}"]\nreason = "because"\n{more}\n'


def normal(policy_text: str, value: Any, kind: str = "any") -> Any:
    return Normaliser(parse_policy(ENVELOPE + policy_text, "test")).event(kind, {"payload": value}).value["payload"]


def rule(action: str, path: str, more: str = "") -> str:
    return f'[[rules]]\nid = "{action} {path}"\naction = "{action}"\npaths = ["{path}"]\nreason = "because"\n{more}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("surface = ", "chat.toml"),
        (ENVELOPE.replace("version = 1", 'version = "1"'), "version"),
        ("typo = 1\n" + ENVELOPE, "unknown field"),
        (with_rule("hide", "payload.x"), "action"),
        (with_rule("mask", "payload.x") + with_rule("mask", "payload.y").removeprefix(ENVELOPE), "two rules are called 'one'"),
        (with_rule("mask", "payload.**.status"), "would mask status"),
        (with_rule("mask", "payload.**"), "would mask tenant_id, status"),
        (with_rule("rename", "*_id"), "would rename tenant_id"),
        (ENVELOPE.replace('["type", "tenant_id"]', '["type", "tenant_id", "type"]'), "listed twice"),
        (ENVELOPE.replace('"type"', '"a-b"'), "not a plain name"),
        (ENVELOPE.replace('tenant_id = "tenant_id"', 'tenant = "tenant_id"'), "name an attribute of the request"),
        (ENVELOPE.replace('tenant_id = "tenant_id"', 'tenant_id = "owner"'), "one of the fields in `texts`"),
    ],
)
def test_a_bad_policy_is_refused_and_the_message_says_why(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_policy(text, "chat.toml")

    assert told in str(refused.value)


def test_a_policy_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_a_surface_without_a_shipped_policy_is_unknown() -> None:
    with pytest.raises(UnknownSurfaceError, match=r"use one of: .*chat"):
        default_policy("fax")


@pytest.mark.parametrize(
    ("rules", "value", "expected"),
    [
        (rule("mask", "payload.a"), {"a": 1, "b": 1}, {"a": "<masked number>", "b": 1}),
        (rule("mask", "payload.a"), {"a": 1.5}, {"a": "<masked number>"}),
        (rule("mask", "payload.a"), {"a": None}, {"a": "<masked null>"}),
        (rule("mask", "payload.a"), {"a": True}, {"a": "<masked bool>"}),
        (rule("mask", "payload.a"), {"a": {"b": 1}}, {"a": "<masked object>"}),
        (rule("mask", "payload.*_ms"), {"x_ms": 1, "ms": 1}, {"x_ms": "<masked number>", "ms": 1}),
        (rule("mask", "payload.**.a"), {"x": [{"y": {"a": "t"}}]}, {"x": [{"y": {"a": "<masked text>"}}]}),
        (rule("mask", "payload.x.[].a"), {"x": [{"a": 1}], "a": 1}, {"x": [{"a": "<masked number>"}], "a": 1}),
        (rule("mask", "payload.x[]"), {"x": [1, "t"]}, {"x": ["<masked number>", "<masked text>"]}),
        (rule("round", "payload.a", "digits = 2"), {"a": 1.23456}, {"a": 1.23}),
        (rule("round", "payload.a", "digits = 2"), {"a": 1}, {"a": 1}),
        (rule("tolerance", "payload.a"), {"a": 1}, {"a": "<int within tolerance>"}),
        (rule("tolerance", "payload.a"), {"a": "1"}, {"a": "1"}),
        (rule("rename", "payload.a"), {"a": "id-1"}, {"a": "<id>"}),
        (rule("rename", "payload.a"), {"a": ""}, {"a": ""}),
        (rule("sort", "payload.a"), {"a": [3, 1, 2]}, {"a": [1, 2, 3]}),
        (rule("sort", "payload.a") + rule("mask", "payload.a[].t"), {"a": [{"n": 2, "t": 1}, {"n": 1, "t": 9}]},
         {"a": [{"n": 1, "t": "<masked number>"}, {"n": 2, "t": "<masked number>"}]}),
        (rule("json", "payload.a"), {"a": '{"b": 1}'}, {"a": {"<json text>": {"b": 1}}}),
        (rule("json", "payload.a"), {"a": "no json"}, {"a": "no json"}),
        (rule("mask", "payload.a", 'kinds = ["other"]'), {"a": 1}, {"a": 1}),
        (rule("mask", "payload.a", 'kinds = ["effect:model"]'), {"a": 1}, {"a": 1}),
        (rule("round", "payload.a") + rule("mask", "payload.a"), {"a": 1.5}, {"a": 1.5}),
    ],
)  # fmt: skip
def test_each_action_does_what_it_says(rules: str, value: Any, expected: Any) -> None:
    assert normal(rules, value) == expected


def test_keys_from_data_do_not_grow_the_cache_without_bound() -> None:
    normaliser = Normaliser(parse_policy(ENVELOPE + rule("mask", "payload.**.a"), "test"))
    for number in range(2000):
        normaliser.event("any", {"payload": {f"day {number}": 1, "a": 1}})

    assert max(len(node._plans) for node in normaliser._grammars["any"]._nodes.values()) <= 512


def test_explain_names_every_touch_with_its_rule_and_path(run: Any) -> None:
    told = explain(run().record(Origin.CONTROL))

    assert {(one.where, one.path, one.rule) for one in told if one.lane == "data"} >= {
        ("event 5 (agent_started)", "sequence", "sequence"),
        ("event 5 (agent_started)", "timestamp", "timestamps"),
        ("event 5 (agent_started)", "payload.context.request_id", "engine-ids"),
        ("event 14 (agent_completed)", "payload.result.duration_ms", "durations"),
    }
    assert all(one.reason for one in told)


def test_explain_of_the_shipped_policy_touches_nothing_that_is_protected(run: Any) -> None:
    protected = set(default_policy("chat").protected)

    assert not {one.path.rpartition(".")[2] for one in explain(run().record(Origin.CONTROL))} & protected


def test_without_a_rule_a_volatile_field_shows(run: Any, compared: Any) -> None:
    bare = parse_policy(
        ENVELOPE.replace('["type", "tenant_id"]', '["type", "tenant_id", "user_id", "thread_id", "run_id", "agent_name"]'), "test"
    )

    found = compared(run(), run(1), policy=bare).divergences

    assert {one.path for one in found} >= {"agent_started.timestamp", "agent_completed.payload.result.duration_ms"}


@pytest.mark.parametrize(("apart", "verdict"), [(0.009, Verdict.MATCH), (0.011, Verdict.DIVERGENT)])
def test_numbers_within_tolerance_match(apart: float, verdict: Verdict, run: Any, compared: Any) -> None:
    text = (Path(__file__).parents[4] / "netra_backend/app/execution/surfaces/chat.toml").read_text()
    policy = parse_policy(text + rule("tolerance", "payload.cost", "absolute = 0.01"), "test")
    control, candidate = run(), run(1)
    control.frame("agent_completed", "data").payload["cost"] = 1.0
    candidate.frame("agent_completed", "data").payload["cost"] = 1.0 + apart

    assert compared(control, candidate, policy=policy).verdict is verdict
