"""Canonical JSON: the same value is the same text, and another type is another text."""

import pytest

from migration.comparison.read.canonical import TOO_DEEP, UndecodableError, decode, decode_object, encode


def test_the_order_of_keys_and_blanks_do_not_matter():
    assert encode(decode(b'{"b": 1,  "a": [2]}')) == encode(decode(b'{"a":[2],"b":1}')) == b'{"a":[2],"b":1}'


def test_one_and_one_point_nothing_and_true_are_three_texts():
    assert len({encode(decode(text)) for text in (b"1", b"1.0", b"true")}) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [(b"[1]", "object was expected, this is list"), (b"null", "this is null"), (b"{", "truncated"), (b'{"a": "\xff"}', "utf-8")],
)
def test_what_is_not_an_object_is_refused_with_the_reason(text, why):
    with pytest.raises(UndecodableError) as refused:
        decode_object(text)
    assert why in str(refused.value)


def test_what_is_nested_too_deeply_is_refused_as_that():
    with pytest.raises(UndecodableError, match=TOO_DEEP):
        decode_object(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
