"""How much a finding matters: by its kind, unless the policy says otherwise, and never less where data of others is concerned."""

import pytest

from migration.comparison.describe.findings import Finding
from migration.comparison.judge.classify import SEVERITY, severity
from migration.comparison.policy import parse_policy

HEAD = 'surface = "shop"\nversion = 1\n[envelope]\ntexts = ["type"]\n'
PLAIN = parse_policy(HEAD, "shop.toml")
LENIENT = parse_policy(
    f'{HEAD}[[severities]]\nseverity = "cosmetic"\nkinds = ["*"]\npaths = ["**"]\nreason = "all of it"\n[tools]\nirreversible = ["pay"]\n',
    "shop.toml",
)


def found(kind, *path, **more):
    return Finding(kind=kind, lane="data", path=path, **more)


@pytest.mark.parametrize("kind", SEVERITY)
def test_without_a_word_of_the_policy_the_kind_decides(kind):
    assert severity(found(kind, "agent_done"), PLAIN) == SEVERITY[kind]


@pytest.mark.parametrize("kind", ["isolation_breach", "control_cross_talk"])
def test_data_of_others_is_security_whatever_the_policy_says(kind):
    assert severity(found(kind, "agent_done"), LENIENT) == "security"


def test_the_policy_lowers_what_it_names():
    assert severity(found("payload", "agent_done", "payload", "note"), LENIENT) == "cosmetic"


def test_a_call_of_an_irreversible_tool_matters_whatever_the_policy_says():
    assert severity(found("effect_extra", "tool", "pay"), LENIENT) == "contract"


def test_an_effect_that_hides_what_would_have_followed_is_as_serious_as_its_kind():
    assert severity(found("effect_missing", "model", stops=True), LENIENT) == SEVERITY["effect_missing"]


def test_effects_done_twice_and_runs_out_of_time_are_about_reliability():
    assert severity(found("effect_extra", "tool", "look", detail="repeated"), PLAIN) == "reliability"
    assert severity(found("terminal_state", "run", control="completed", candidate="timed_out"), PLAIN) == "reliability"
