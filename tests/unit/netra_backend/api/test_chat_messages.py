import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.agents.registry import AGENTS
from netra_backend.app.api.chat_messages import (
    AgentName,
    Cancel,
    Chat,
    Error,
    MessageError,
    Ping,
    Pong,
    RunAccepted,
    RunFinished,
    decode,
    encode,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refusal(message: dict[str, Any]) -> str | None:
    """The code with which the message is refused; None: it is understood."""
    try:
        decode(json.dumps(message).encode())
    except MessageError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("message", "decoded"),
    [
        ({"type": "chat", "message": "Hello"}, Chat("Hello")),
        (
            {"type": "chat", "message": "Hello", "thread_id": "t-1", "agent": "data", "request_id": "q-1"},
            Chat("Hello", thread_id="t-1", agent="data", request_id="q-1"),
        ),
        ({"type": "ping"}, Ping()),
        ({"type": "cancel", "run_id": "r-1"}, Cancel("r-1")),
    ],
)
def test_each_kind_of_message_is_understood(message: dict[str, Any], decoded: Any) -> None:
    assert decode(json.dumps(message).encode()) == decoded


@given(raw=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_message_error(raw: bytes) -> None:
    with pytest.raises(MessageError):
        decode(raw)


@given(
    fields=st.dictionaries(st.sampled_from(["message", "thread_id", "agent", "request_id", "run_id", "extra"]), JSON_VALUES),
    kind=JSON_VALUES,
)
def test_no_json_raises_anything_but_a_message_error(fields: dict[str, Any], kind: Any) -> None:
    codes = {refusal({**fields, "type": name}) for name in (kind, "chat", "ping", "cancel")}
    assert codes <= {None, "unknown_type", "invalid_message"}


@given(text=st.text(alphabet="abcdefghij", min_size=12, max_size=40))
def test_an_error_quotes_nothing_that_the_client_wrote(text: str) -> None:
    for field in ("agent", "thread_id", "message"):
        with pytest.raises(MessageError) as raised:
            decode(
                json.dumps(
                    {"type": "chat", "message": "Hello", "thread_id": [text], **({field: [text]} if field != "agent" else {field: text})}
                ).encode()
            )
        assert text not in str(raised.value)


def test_every_agent_may_be_asked_and_no_other() -> None:
    assert set(get_args(AgentName)) == {"supervisor", *AGENTS}


def test_an_error_says_what_to_send_instead() -> None:
    with pytest.raises(MessageError, match=r'"agent"\?: one of supervisor, triage'):
        decode(b'{"type": "chat", "message": "Hello", "agent": "root"}')


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (RunAccepted("r", "t", "q"), {"type": "run_accepted", "run_id": "r", "thread_id": "t", "request_id": "q"}),
        (RunFinished("r", "cancelled"), {"type": "run_finished", "run_id": "r", "outcome": "cancelled"}),
        (Pong(), {"type": "pong"}),
        (
            Error(code="busy", message="wait", support_code="NS-1", retry_after_s=2.0),
            {"type": "error", "code": "busy", "message": "wait", "support_code": "NS-1", "retry_after_s": 2.0},
        ),
    ],
)
def test_what_the_server_says_is_flat_json_without_empty_fields(message: Any, encoded: dict[str, Any]) -> None:
    assert json.loads(encode(message)) == encoded
