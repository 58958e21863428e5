"""One sentence for each finding: what differs, where, on which side."""

import pytest

from migration.comparison import default_policy
from migration.comparison.describe.findings import Finding
from migration.comparison.describe.fingerprint import value_shapes
from migration.comparison.describe.sentences import _SENTENCES, sentence
from migration.model import DivergenceKind


@pytest.fixture(scope="module")
def policy():
    return default_policy("chat")


def finding(kind, path=("said", "payload", "word"), **more):
    return Finding(kind=kind, lane="data", path=path, **more)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (finding("missing_event", ("said",), control={}), "Control sends `said` for `data`; candidate does not."),
        (finding("extra_event", ("said",), candidate={}), "Candidate sends `said` for `data`; control does not."),
        (finding("missing_event", ("*",), control=[], detail="whole_lane"), "Control sends events for `data`; candidate sends none."),
        (finding("duplicate_event", ("said",), candidate={}), "Candidate sends a duplicate `said` for `data`; control does not."),
        (
            finding("causal_reorder", ("said",), control="said", candidate="said", at=(0, 1)),
            "Both send the same `said` for `data`, but in a different order in that lane.",
        ),
        (
            finding("causal_reorder", ("tool", "search")),
            "`data` sends the same requests to the tool `search` in both runs, but in a different order.",
        ),
        (
            finding("payload", control=1, change="presence"),
            "`said.payload.word` of `data` exists in control (int) and not in candidate.",
        ),
        (
            finding("payload", control=1, candidate=2, detail="renamed_id"),
            "`said.payload.word` of `data` is an id that means something else elsewhere in the run: it refers to another object.",
        ),
        (finding("effect_extra", ("model",), candidate={}), "Candidate sends a request to the model for `data`; control does not."),
        (
            finding("effect_missing", ("tool", "search"), control={}, detail="repeated"),
            "Control repeats a request to the tool `search` for `data`; candidate does not.",
        ),
        (
            finding("isolation_breach", ("said", "tenant_id"), candidate="x"),
            "In candidate, `said.tenant_id` of `data` contains another tenant's or user's id.",
        ),
        (
            finding("contract_violation", ("said",), rule="`said` must come first"),
            "Candidate breaks the event contract for `data`: `said` must come first.",
        ),
    ],
)
def test_a_finding_has_a_sentence(policy, item, said):
    assert str(sentence(item, value_shapes(item, policy))) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [("candidate", "Candidate timed out; control continued."), ("control", "Control timed out; candidate continued.")],
)
def test_a_run_that_ended_early_is_named(policy, rule, said):
    item = finding("terminal_state", ("run",), control="timed_out", candidate="timed_out", detail="ended_early", rule=rule)
    assert str(sentence(item, value_shapes(item, policy))) == said


def test_a_value_is_not_quoted_but_only_its_shape(policy):
    item = finding("payload", control="the secret", candidate="another")
    said = str(sentence(item, value_shapes(item, policy)))
    assert "secret" not in said
    assert "another" not in said


def test_the_middle_of_a_long_name_is_left_out(policy):
    item = finding("missing_event", ("x" * 500,), control={})
    said = str(sentence(item, value_shapes(item, policy)))
    assert "..." in said
    assert len(said) < 200


def test_each_kind_of_divergence_but_latency_has_a_form():
    assert set(_SENTENCES) == set(DivergenceKind.__args__) - {"latency"}
