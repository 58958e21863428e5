"""DeepDiff may forgive what differs where a policy names it; never a changed type, and never because it gave up."""

from collections.abc import Callable
from typing import Any

import pytest

from migration.comparison import Policy, parse_policy
from migration.comparison.policy import default_policy
from migration.errors import ConfigurationError
from migration.model import Comparison, Verdict

HEAD = """
surface = "chat"
version = 1
protected = ["status", "tenant_id"]
[envelope]
texts = ["type", "tenant_id", "user_id", "thread_id", "run_id", "agent_name"]
ints = ["sequence"]
numbers = ["timestamp"]
[[rules]]
id = "times"
action = "mask"
paths = ["sequence", "timestamp", "payload.**.duration_ms", "payload.**.request_id", "payload.execution_time_ms"]
reason = "Times."
[[rules]]
id = "rows"
reason = "The order of rows says nothing."
"""
RULE = 'compare = "deepdiff"\npaths = ["payload.rows"]\n'


def policy(rule: str) -> Policy:
    return parse_policy(HEAD + rule, "test.toml")


class Forgiving:
    """A custom operator: two texts that begin alike are alike."""

    def match(self, level: Any) -> bool:
        return isinstance(level.t1, str) and isinstance(level.t2, str)

    def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:
        return bool(level.t1[:1] == level.t2[:1])


class Broken(Forgiving):
    """A custom operator that raises."""

    def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:
        raise RuntimeError("broken")


@pytest.fixture
def rows(run: Any, compared: Any) -> Callable[..., Comparison]:
    def compare_rows(options: str, control_rows: Any, candidate_rows: Any, **more: Any) -> Comparison:
        control, candidate = run(), run(1)
        for one, value in ((control, control_rows), (candidate, candidate_rows)):
            one.frame("agent_completed", "data").payload["rows"] = value
        return compared(control, candidate, policy=policy(f"{RULE}options = {{ {options} }}"), **more)  # type: ignore[no-any-return]  # a factory of tests

    return compare_rows


@pytest.mark.parametrize(
    ("options", "control", "candidate"),
    [
        ("ignore_order = true", [1, 2, {"a": 3}], [{"a": 3}, 1, 2]),
        ("significant_digits = 2", {"cost": 1.001}, {"cost": 1.002}),
        ("exclude_paths = [\"root['seen']\"]", {"cost": 1, "seen": 4}, {"cost": 1, "seen": "5"}),
        ('exclude_regex_paths = ["_at"]', {"made_at": 1}, {"made_at": 2}),
        (f'custom_operators = ["{__name__}:Forgiving"]', {"said": "yes"}, {"said": "yeah"}),
        ("math_epsilon = 0.1", [1.0, 2.0], [1.05, 2.05]),
    ],
)
def test_what_deepdiff_finds_no_difference_in_is_none(options: str, control: Any, candidate: Any, rows: Any) -> None:
    assert rows("", control, candidate).verdict is Verdict.DIVERGENT
    comparison = rows(options, control, candidate)
    assert (comparison.verdict, comparison.divergences, comparison.reasons) == (Verdict.MATCH, (), ())


@pytest.mark.parametrize(
    ("options", "control", "candidate"),
    [
        ("ignore_order = true", [1, 2], [1, 3]),
        ("ignore_order = true", [1, 1, 2], [2, 1]),
        ("ignore_order = true", [1], [True]),
        ("ignore_order = true", [1, 2], [2.0, 1]),
        ("significant_digits = 2", {"cost": 1}, {"cost": 1.0}),
        ("ignore_numeric_type_changes = true", {"cost": 1}, {"cost": 1.0}),
        ("significant_digits = 2", {"cost": 1.0}, {}),
        ("ignore_order = true", [1], {"0": 1}),
    ],
)
def test_what_differs_beyond_the_options_and_a_changed_type_stay(options: str, control: Any, candidate: Any, rows: Any) -> None:
    assert rows(options, control, candidate).verdict is Verdict.DIVERGENT


@pytest.mark.parametrize(
    ("options", "control", "candidate"),
    [
        ("max_diffs = 1", list(range(5)), list(range(100, 105))),
        (f'custom_operators = ["{__name__}:Broken"]', {"said": "yes"}, {"said": "no"}),
        ("ignore_order = true", ["a" * 150_000], ["a" * 250_000]),
    ],
    ids=["max_diffs", "an operator raises", "too large"],
)
def test_a_limit_is_inconclusive_and_never_a_match(options: str, control: Any, candidate: Any, rows: Any) -> None:
    comparison = rows(options, control, candidate)
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert "'rows'" in str(comparison.reasons[0])
    assert comparison.divergences == ()


def test_it_is_asked_about_requests_too(run: Any, compared: Any, new_effect: Any) -> None:
    rule = RULE.replace("payload.rows", "arguments.models") + 'kinds = ["effect:tool"]\noptions = { ignore_order = true }'
    control, candidate = run(), run(1)
    for one, models in ((control, ["a", "b"]), (candidate, ["b", "a"])):
        one.effects[2] = new_effect("tool", "usage_summary", "data", {"name": "usage_summary", "arguments": {"models": models}}, at_s=0.4)
    assert compared(control, candidate, policy=policy(rule)).verdict is Verdict.MATCH
    assert compared(control, candidate, policy=default_policy("chat")).verdict is Verdict.DIVERGENT


def test_what_stands_beside_the_path_is_compared_as_ever(run: Any, compared: Any) -> None:
    control, candidate = run(), run(1)
    for one, value in ((control, [1, 2]), (candidate, [2, 1])):
        one.frame("agent_completed", "data").payload.update(rows=value, other=value)
    found = compared(control, candidate, policy=policy(f"{RULE}options = {{ ignore_order = true }}")).divergences
    assert {one.path.partition("[")[0] for one in found} == {"agent_completed.payload.other"}


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (RULE + "options = { no_such = 1 }", "does not take these options"),
        (RULE + 'options = { custom_operators = ["no.such:Operator"] }', "does not take these options"),
        (RULE + "options = { exclude_paths = [\"root['status']\"] }", "would leave out status"),
        (RULE.replace("payload.rows", "payload.status"), "would deepdiff status"),
        ('paths = ["payload.rows"]', "needs either an `action`"),
        (RULE + 'action = "mask"', "needs either an `action`"),
        ('action = "mask"\npaths = ["payload.rows"]\noptions = { ignore_order = true }', "needs either an `action`"),
    ],
)
def test_a_rule_that_cannot_be_followed_does_not_load(rule: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        policy(rule)


def test_without_deepdiff_the_policy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "deepdiff", None)
    with pytest.raises(ConfigurationError, match="pip install 'netra-strangler\\[deepdiff\\]'"):
        policy(RULE)
