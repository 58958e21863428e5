"""The values of a divergence in words: as they are where they are at hand, else by type and length."""

import pytest

from migration.comparison.show.values import both_values

HIDDEN = ('"str[7]#9f3a1b2c4d5e"', '"str[12]#0a1b2c3d4e5f"')


@pytest.mark.parametrize(
    ("kind", "path", "control", "candidate", "clause"),
    [
        (
            "effect_changed",
            "tool.price_lookup.arguments.model",
            '"large-2"',
            '"small-1"',
            'tool `price_lookup`, `arguments.model`: "large-2" in control, "small-1" in candidate',
        ),
        (
            "effect_changed",
            "tool.price_lookup.arguments.model",
            *HIDDEN,
            "tool `price_lookup`, `arguments.model`: a text of 7 characters in control, a text of 12 characters in candidate",
        ),
        (
            "effect_changed",
            "tool.shop.price.arguments",
            '{"days":1}',
            '{"days":2}',
            'tool `shop.price`, `arguments`: {"days":1} in control, {"days":2} in candidate',
        ),
        (
            "effect_extra",
            "tool.save_action_plan",
            None,
            '{"name":"save_action_plan","arguments":{"plan":"Use the small one."}}',
            'tool `save_action_plan`: asked by candidate with {"plan":"Use the small one."}, not by control',
        ),
        ("effect_missing", "model", '{"messages":[]}', None, 'the model: asked by control with {"messages":[]}, not by candidate'),
        (
            "effect_changed",
            "model.messages[1].content",
            '"What costs?"',
            None,
            'the model, `messages[1].content`: "What costs?" in control, nothing in candidate',
        ),
        ("payload", "agent_completed.payload.cost", "1", "1.5", "`agent_completed.payload.cost`: 1 in control, 1.5 in candidate"),
        (
            "payload",
            "agent_completed.payload.note",
            '"str[0]"',
            "null",
            "`agent_completed.payload.note`: an empty text in control, null in candidate",
        ),
        (
            "payload",
            "agent_completed.payload.note",
            '"str[7]#9f3a1b2c4d5e"',
            '"str[7]#0a1b2c3d4e5f"',
            "`agent_completed.payload.note`: a text of 7 characters in control, and another in candidate",
        ),
        (
            "missing_event",
            "agent_thinking",
            '{"type":"agent_thinking","tenant_id":"acme","payload":{"reasoning":"Hm."}}',
            None,
            '`agent_thinking`: {"reasoning":"Hm."} in control, nothing in candidate',
        ),
        ("causal_reorder", "agent_thinking", None, None, ""),
        ("error", "run.error.type", "ValueError", None, "`run.error.type`: a value that cannot be read in control, nothing in candidate"),
    ],
)
def test_the_place_and_both_values_are_named(kind, path, control, candidate, clause):
    assert both_values(kind, path, control, candidate) == clause


def test_a_long_value_is_cut():
    clause = both_values("payload", "note", f'"{"a" * 500}"', None)
    assert "aaa... in control" in clause
    assert len(clause) < 220
