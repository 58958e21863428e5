"""Headers of every HTTP answer; a WebSocket passes through."""

from types import SimpleNamespace

import pytest

from netra_backend.app.api.headers import AnswerHeaders
from netra_backend.app.draining import DRAIN


async def answered(scope):
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"z"})

    async def send(message):
        sent.append(message)

    await AnswerHeaders(app)(scope, None, send)
    return sent


async def test_an_answer_keeps_its_own_headers_and_must_not_be_cached():
    start, body = await answered({"type": "http"})
    assert start["headers"][0] == (b"x", b"y")
    assert (b"cache-control", b"no-store") in start["headers"]
    assert body == {"type": "http.response.body", "body": b"z"}


@pytest.mark.parametrize("begun", [True, False])
async def test_the_connection_is_closed_while_the_server_is_stopping(begun):
    start, _ = await answered({"type": "http", "state": {DRAIN: SimpleNamespace(begun=begun)}})
    assert ((b"connection", b"close") in start["headers"]) is begun


async def test_a_websocket_gets_no_headers():
    start, _ = await answered({"type": "websocket"})
    assert start["headers"] == [(b"x", b"y")]
