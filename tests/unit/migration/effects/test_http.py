"""httpx behind a port: what a run gets is what came, what a replay gets is what is on record."""

import json

import httpx
import pytest

from migration.effects.http import AsyncHttpPort, HttpPort

SAID = []


def answer(request):
    SAID.append(request)
    if request.url.path == "/down":
        raise httpx.ConnectError("refused", request=request)
    headers = {"content-type": "text/plain", "set-cookie": "secret=1", "x-request-id": "7"}
    return httpx.Response(201, headers=headers, stream=Body())


class Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    async def __aiter__(self):
        for piece in self:
            yield piece

    def __iter__(self):
        yield from (b"Hello, ", "wörld".encode()[:2], "wörld".encode()[2:])


async def asked(path="/ask"):
    async with (
        httpx.AsyncClient(transport=AsyncHttpPort(httpx.MockTransport(answer))) as client,
        client.stream("POST", f"https://me:word@api.example{path}", json={"q": 1}, headers={"authorization": "Bearer x"}) as response,
    ):
        return response.status_code, response.headers.get("x-request-id"), [piece async for piece in response.aiter_bytes()]


async def test_a_replay_gets_the_same_response_in_the_same_pieces_and_asks_nobody(recorded, replayed):
    journal = await recorded(asked)
    SAID.clear()
    found, replay = await replayed(asked, journal)
    assert (found, SAID) == ((201, "7", list(Body())), [])
    assert (replay.tally.missing, replay.tally.performed) == (0, 0)


async def test_the_run_itself_gets_every_header():
    async with httpx.AsyncClient(transport=AsyncHttpPort(httpx.MockTransport(answer))) as client:
        assert (await client.get("https://api.example/ask")).headers["set-cookie"] == "secret=1"


async def test_nothing_that_authorises_is_on_record(recorded):
    (effect,) = await recorded(asked)
    assert json.loads(effect.request)["arguments"] == {
        "url": "https://api.example/ask",
        "headers": {"accept": "*/*", "content-type": "application/json"},
        "body": {"q": 1},
    }
    assert b"secret" not in effect.reply


async def test_a_failure_to_connect_comes_back_as_httpx_raises_it(recorded, replayed):
    async def down():
        with pytest.raises(httpx.ConnectError, match="refused"):
            await asked("/down")

    await replayed(down, await recorded(down))


async def test_the_plain_client_has_a_port_too(recorded, replayed):
    async def run():
        with httpx.Client(transport=HttpPort(httpx.MockTransport(answer))) as client:
            return client.get("https://api.example/ask").text  # noqa: ASYNC212 - nothing is reached

    journal = await recorded(run)
    SAID.clear()
    found, _ = await replayed(run, journal)
    assert (found, SAID) == ("Hello, wörld", [])
