"""One kind of divergence has one fingerprint, whatever the run."""

from typing import Any

import msgspec
import pytest

from migration.comparison import default_policy
from migration.comparison.compare import prepared
from migration.comparison.describe.contract import violations
from migration.comparison.describe.findings import Finding
from migration.comparison.describe.fingerprint import fingerprint
from migration.comparison.policy import Contract, Pair, Rising
from migration.model import Event, Origin, RunRecord, RunRequest

BASE: dict[str, Any] = {
    "kind": "payload",
    "lane": "data/price_lookup#1",
    "path": ("tool_completed", "payload", "rows", 3, "cost"),
    "control": 1,
    "candidate": 2,
}


def of(**changes: Any) -> str:
    return fingerprint(Finding(**{**BASE, **changes}), default_policy("chat"))


@pytest.mark.parametrize(
    "changes",
    [
        {"lane": "data/price_lookup#7"},
        {"path": ("tool_completed", "payload", "rows", 9, "cost")},
        {"control": 100, "candidate": -3},
        {"at": (4, 5)},
    ],
)
def test_numbers_indexes_and_values_do_not_change_it(changes: Any) -> None:
    assert of(**changes) == of()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "effect_changed"},
        {"lane": "data/usage_summary#1"},
        {"lane": "triage"},
        {"path": ("tool_completed", "payload", "rows", 3, "model")},
        {"candidate": 2.0},
        {"candidate": None},
        {"candidate": "2"},
        {"detail": "renamed_id"},
    ],
)
def test_kind_lane_path_and_types_change_it(changes: Any) -> None:
    assert of(**changes) != of()


def test_ids_in_keys_do_not_change_it() -> None:
    first = of(path=("tool_completed", "payload", "3f2a91bc77d0"))

    assert first == of(path=("tool_completed", "payload", "99aa01bc77d0"))
    assert first == of(path=("tool_completed", "payload", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"))


def test_words_of_a_closed_vocabulary_count_and_free_text_does_not() -> None:
    status = ("tool_completed", "payload", "status")
    text = ("tool_completed", "payload", "result")

    assert of(path=status, control="success", candidate="error") != of(path=status, control="success", candidate="cancelled")
    assert of(path=text, control="yes", candidate="no") == of(path=text, control="up", candidate="down")


def test_a_word_that_is_no_word_is_not_told() -> None:
    status = ("tool_completed", "payload", "status")

    assert of(path=status, control="a secret sentence", candidate="x") == of(path=status, control="another secret sentence", candidate="x")


def test_it_has_twelve_hex_digits() -> None:
    assert len(of()) == 12
    assert int(of(), 16) >= 0


def rows(run: Any, value: Any) -> Any:
    run.frame("agent_completed", "data").payload["rows"] = value
    return run


ITEMS: list[Any] = [{"model": name, "cost": cost} for name, cost in (("a", 1), ("b", 2), ("c", 3), ("d", 4))]


@pytest.mark.parametrize("to", range(1, 4))
def test_an_item_that_moved_is_one_kind_of_divergence_wherever_it_went(to: int, run: Any, compared: Any) -> None:
    moved = [*ITEMS[1 : to + 1], ITEMS[0], *ITEMS[to + 1 :]]
    (found,) = compared(rows(run(), ITEMS), rows(run(1), moved)).divergences
    (other,) = compared(rows(run(), ITEMS[::-1]), rows(run(1), [*ITEMS[:0:-1][:1], ITEMS[0], *ITEMS[:0:-1][1:]])).divergences

    assert str(found.sentence).endswith("is at a different place in its list in candidate than in control.")
    assert found.fingerprint == other.fingerprint


@pytest.mark.parametrize("at", range(5))
def test_an_item_that_was_put_in_is_one_kind_of_divergence_wherever_it_stands(at: int, run: Any, compared: Any) -> None:
    more = [*ITEMS[:at], {"model": "e", "cost": 5}, *ITEMS[at:]]
    (found,) = compared(rows(run(), ITEMS), rows(run(1), more)).divergences
    (other,) = compared(rows(run(), ITEMS[:2]), rows(run(1), [*ITEMS[:2], {"model": "f", "cost": 0}])).divergences

    assert (found.kind, found.control, found.fingerprint) == ("payload", None, other.fingerprint)


def test_an_item_that_was_put_in_beside_one_that_changed_is_told_apart_from_it(run: Any, compared: Any) -> None:
    changed = [{"model": "new", "cost": 9}, {"model": "a", "cost": 7}]
    found = compared(rows(run(), ITEMS[:1]), rows(run(1), changed)).divergences

    assert {(one.path, one.control is None) for one in found} == {
        ("agent_completed.payload.rows[0].cost", False),
        ("agent_completed.payload.rows[0]", True),
    }


@pytest.mark.parametrize(
    "key", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "V1StGXR8_Z5jdHi6B-myT", "3f2a91bc77d0", "1B4E28BA-2FA1-11D2-883F-0016D3CCA427"]
)
def test_ids_of_any_alphabet_as_keys_do_not_change_it(key: str) -> None:
    assert of(path=("tool_completed", "payload", key)) == of(path=("tool_completed", "payload", "99aa01bc77d0"))


def test_a_rule_of_the_contract_may_be_reworded() -> None:
    broken = {"kind": "contract_violation", "path": ("agent_started",), "control": msgspec.UNSET, "candidate": msgspec.UNSET}
    first = of(**broken, rule="`agent_started` must come exactly once, but never came", rule_id="once:agent_started:never")

    assert first == of(**broken, rule="there must be one `agent_started`", rule_id="once:agent_started:never")
    assert first != of(**broken, rule="there must be one `agent_started`", rule_id="once:agent_started:more")


RULES = Contract(
    once=("began", "ended"),
    required=("thought",),
    first="began",
    last="ended",
    closes=(Pair(first="asked", then="answered"),),
    before=(Pair(first="failed", then="ended"),),
    rising=(Rising(kind="thought", field="payload.step"),),
)
BROKEN = {
    "once:began:never": ["thought", "ended"],
    "once:began:more": ["began", "began", "thought", "ended"],
    "required:thought": ["began", "ended"],
    "first:began": ["thought", "began", "ended"],
    "last:ended": ["began", "ended", "thought"],
    "closes:asked:answered:unclosed": ["began", "asked", "thought", "ended"],
    "closes:asked:answered:unopened": ["began", "answered", "thought", "ended"],
    "before:failed:ended": ["began", "thought", "ended", "failed"],
    "rising:thought.payload.step": ["began", "thought", "thought", "ended"],
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_of_a_contract_has_an_id_of_its_sort_and_the_events_that_it_names(rule: str) -> None:
    policy = msgspec.structs.replace(default_policy("chat"), contract=RULES)
    said = tuple(Event(kind=kind, lane="data", payload=b'{"payload":{"step":1}}', at_s=0.0) for kind in BROKEN[rule])
    request = RunRequest(surface="chat", tenant_id="a", user_id="u", thread_id="t", run_id="r", payload=b"{}", received_at=0.0)
    run = RunRecord(request=request, origin=Origin.CANDIDATE, events=said, journal=(), outcome="completed", duration_s=1.0, trace_id=None)

    _, stream = prepared(policy).streams(run, run)

    assert rule in [one.id for one in violations(stream, RULES)]
