"""No secret reaches a client, and no count of tokens is taken for one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.websocket.redaction import MAX_DEPTH, MAX_ITEMS, REDACTED, redacted, redacted_text, tells_secret

SECRET_KEYS = [
    *("password", "Passwd", "user_password", "pwd", "passphrase", "secret", "client_secret", "clientSecret", "SECRETS", "token"),
    *("access_token", "accessToken", "refresh-token", "id.token", "api_key", "apiKey", "API-KEY", "apikey", "private_key", "jwt"),
    *("authorization", "Authorization", "proxy_authorization", "bearer", "cookie", "set-cookie", "credential", "aws_credentials"),
    *("signing_key", "access_key", "encryptionKey", "auth", "signature"),
]
PLAIN_KEYS = [
    *("input_tokens", "output_tokens", "max_tokens", "total_tokens", "tokens", "tokenizer", "author", "key", "keys", "model", "monkey"),
    *("primary_key", "passenger", "compass", "secretary", "from_model", "authority", "keyword", "cookies_sold"),
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_value_under_a_telling_key_is_redacted(key: str) -> None:
    assert redacted({"deep": [{key: "sk-123"}]}, 200) == {"deep": [{key: REDACTED}]}


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_a_value_under_a_plain_key_is_kept(key: str) -> None:
    assert not tells_secret(key)


@pytest.mark.parametrize(("length", "text", "shown"), [(5, "12345", "12345"), (5, "123456", "1234…"), (5, "", "")])
def test_a_text_is_cut_at_the_length(length: int, text: str, shown: str) -> None:
    assert redacted({"a": text}, length) == {"a": shown}


def test_a_result_is_text_and_cut_as_a_whole() -> None:
    shown = redacted_text({"rows": ["x" * 100] * 20, "api_key": "sk-123"}, 500)
    assert len(shown) == 500
    assert shown.endswith("…")
    assert redacted_text({"n": 1}, 500) == '{"n":1}'
    assert redacted_text("plain", 500) == "plain"


def test_wide_and_deep_values_are_bounded() -> None:
    nested: Any = "bottom"
    for _ in range(100):
        nested = [nested]
    assert "bottom" not in json.dumps(redacted(nested, 200))
    assert json.dumps(redacted(nested, 200)).count("[") == MAX_DEPTH
    assert len(redacted(list(range(1000)), 200)) == MAX_ITEMS + 1
    assert redacted({str(number): number for number in range(1000)}, 200)["…"] == 1000 - MAX_ITEMS


def test_what_is_no_json_is_named_and_not_shown() -> None:
    assert redacted({"connection": object()}, 200) == {"connection": "<object>"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | st.sampled_from(SECRET_KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(value=st.dictionaries(st.sampled_from(SECRET_KEYS), JSON, min_size=1))
def test_no_shape_of_a_secret_gets_through(value: dict[str, Any]) -> None:
    assert set(redacted(value, 200).values()) == {REDACTED}


@given(value=JSON)
def test_redaction_leaves_the_original_alone_and_is_repeatable(value: Any) -> None:
    before = json.dumps(value)
    once = redacted(value, 50)
    assert json.dumps(value) == before
    assert redacted(once, 50) == once
