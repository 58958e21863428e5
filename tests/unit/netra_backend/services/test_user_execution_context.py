"""Whose request it is: ids that are nobody's are refused, and nothing can be changed afterwards."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.errors import InvalidContextError
from netra_backend.app.services.user_execution_context import PLACEHOLDERS, UserExecutionContext, check_id

IDS = {"tenant_id": "acme", "user_id": "ann", "thread_id": "thread-7", "run_id": "run-7"}


def context(**changes: Any) -> UserExecutionContext:
    return UserExecutionContext(**{**IDS, **changes})


@pytest.mark.parametrize("field", [*IDS, "request_id", "websocket_client_id", "parent_request_id"])
@pytest.mark.parametrize("value", ["", "  ", "registry", "NULL", "temp-17", "mock_user", "a\nb", "a/b", "a\\b", "x" * 257, "\u0085"])
def test_an_id_that_breaks_a_rule_is_refused_by_field_without_showing_the_value(field: str, value: str) -> None:
    with pytest.raises(InvalidContextError) as caught:
        context(**{field: value})
    assert caught.value.field == field
    assert len(value.strip()) < 3 or value not in str(caught.value)


@pytest.mark.parametrize("value", [None, 7, b"ann"])
def test_an_id_that_is_no_string_is_refused(value: object) -> None:
    with pytest.raises(InvalidContextError, match="user_id must be a string"):
        context(user_id=value)


@given(word=st.sampled_from(sorted(PLACEHOLDERS)), flags=st.lists(st.booleans(), min_size=11, max_size=11))
def test_a_placeholder_is_refused_in_any_case(word: str, flags: list[bool]) -> None:
    cased = "".join(letter.upper() if up else letter for letter, up in zip(word, flags, strict=False))
    with pytest.raises(InvalidContextError, match="placeholder"):
        check_id("user_id", cased)


@pytest.mark.parametrize("value", ["temperature", "1f3a", "nonesuch", "test-user-of-a-real-customer", "0" * 32, "defaults"])
def test_an_id_that_only_resembles_a_placeholder_is_accepted(value: str) -> None:
    assert check_id("user_id", value) == value


def test_the_dicts_are_copied_deeply_and_cannot_be_changed() -> None:
    inner = {"models": ["a"], "limits": {"agents": 2}}
    made = context(agent_context=inner)
    inner["models"].append("b")
    inner["limits"]["agents"] = 9

    assert made.agent_context["models"] == ("a",)
    assert made.agent_context["limits"]["agents"] == 2
    with pytest.raises(TypeError):
        made.agent_context["limits"]["agents"] = 9
    with pytest.raises(AttributeError):
        made.user_id = "bob"


@pytest.mark.parametrize("key", ["user_id", "run_id", "tenant_id", "created_at", "websocket_client_id"])
@pytest.mark.parametrize("field", ["agent_context", "audit_metadata"])
def test_a_dict_may_not_hold_a_reserved_key(field: str, key: str) -> None:
    with pytest.raises(InvalidContextError, match=key):
        context(**{field: {key: "bob"}})


def test_a_child_keeps_the_run_and_gets_a_request_of_its_own() -> None:
    parent = context(agent_context={"a": 1, "b": 1})
    child = parent.child("simulate", agent_context={"b": 2})

    assert parent.owns(child)
    assert child.request_id != parent.request_id
    assert (child.parent_request_id, child.operation_depth) == (parent.request_id, 1)
    assert dict(child.agent_context) == {"a": 1, "b": 2}
    assert child.audit_metadata["operation_name"] == "simulate"


def test_the_eleventh_generation_is_refused() -> None:
    youngest = context()
    for _ in range(10):
        youngest = youngest.child("deeper")
    with pytest.raises(InvalidContextError, match="operation_depth"):
        youngest.child("too deep")


@pytest.mark.parametrize("field", list(IDS))
def test_a_context_with_one_other_id_is_not_owned(field: str) -> None:
    assert not context().owns(context(**{field: "another"}))


async def test_cleanup_runs_callbacks_last_in_first_out_and_a_failing_one_does_not_stop_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    order = []

    async def first() -> None:
        order.append("first")

    def second() -> None:
        order.append("second")
        raise ValueError("secret of ann")

    made = context()
    made.on_cleanup(first)
    made.on_cleanup(second)
    made.on_cleanup(lambda: order.append("third"))
    await made.cleanup()
    await made.cleanup()

    assert order == ["third", "second", "first"]
    assert "secret of ann" not in caplog.text
    assert [record.error_type for record in caplog.records] == ["ValueError"]
