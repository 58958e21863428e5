"""The record of an HTTP exchange: what a replay needs, and no header that authorises."""

import json

import pytest

from migration.effects.journals.http_record import http_answered, http_asked, piece, piece_bytes, readable

HEADERS = {
    "accept": "text/html",
    "authorization": "Bearer x",
    "cookie": "a=b",
    "content-type": "text/plain",
    "set-cookie": "a=b",
    "etag": "1",
}


def test_a_request_keeps_address_body_and_what_it_accepts():
    record = json.loads(http_asked("get", "http://a/b", HEADERS, b'{"q": 1}'))
    kept = {"accept": "text/html", "content-type": "text/plain"}
    assert record == {"name": "get", "arguments": {"url": "http://a/b", "headers": kept, "body": {"q": 1}}}
    assert "body" not in json.loads(http_asked("get", "http://a/b", HEADERS, b""))["arguments"]


def test_a_response_keeps_its_status_and_harmless_headers():
    assert http_answered(200, HEADERS) == {"status": 200, "headers": {"content-type": "text/plain", "etag": "1"}}


@pytest.mark.parametrize(
    ("body", "read"),
    [(b"[1]", [1]), (b"text", "text"), (b"\xff\x00", {"base64": "/wA="}), (b"[" * 9_000, "[" * 9_000)],
)
def test_a_body_is_json_text_or_bytes(body, read):
    assert readable(body) == read


@pytest.mark.parametrize("part", [b"", b"text \xc3\xa4", b"\xff\x00", b'{"a": 1}'])
def test_a_piece_comes_back_as_it_was(part):
    assert piece_bytes(piece(part)) == part
