"""The Anthropic SDK behind its port: what it does on record it does again in a replay, and nobody is asked."""

import json

import anthropic
import httpx2
import pytest

from migration.adapters.anthropic import async_http_client, http_client
from migration.effects.journals.streams import decode_stream

TOOLS = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def asking(question, **more):
    return {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": question}], **more}


CALLS = {
    "whole": lambda c: c.messages.create(**asking("Hi")),
    "stream": lambda c: c.messages.create(**asking("Hi", stream=True)),
    "tools": lambda c: c.messages.create(**asking("both", tools=TOOLS)),
    "helper": lambda c: c.messages.stream(**asking("Hi")),
    "helper with tools": lambda c: c.messages.stream(**asking("both", tools=TOOLS)),
}


def plain(found):
    return found.model_dump() if hasattr(found, "model_dump") else [item.model_dump() for item in found]


def of_sync(client, call):
    with client:
        try:
            made = call(client)
            if hasattr(made, "__enter__") and not hasattr(made, "__iter__"):
                with made as stream:
                    return plain(stream)
            return plain(made)
        except (anthropic.APIError, httpx2.TransportError) as error:
            return described(error)


async def of_async(client, call):
    async with client:
        try:
            made = call(client)
            if hasattr(made, "__aenter__"):
                async with made as stream:
                    return [event.model_dump() async for event in stream]
            found = await made
            return [item.model_dump() async for item in found] if hasattr(found, "__aiter__") else plain(found)
        except (anthropic.APIError, httpx2.TransportError) as error:
            return described(error)


def described(error):
    return type(error), *(getattr(error, name, None) for name in ("status_code", "request_id", "body", "message")), str(error)


def running(kind, url, call, retries=0):
    if kind == "sync":
        return lambda: of_sync(anthropic.Anthropic(base_url=url, api_key="k", http_client=http_client(), max_retries=retries), call)

    async def body():
        client = anthropic.AsyncAnthropic(base_url=url, api_key="k", http_client=async_http_client(), max_retries=retries)
        return await of_async(client, call)

    return body


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_replay_gives_what_the_endpoint_gave_and_asks_nobody(endpoint, recorded, replayed, kind, call):
    expected = of_sync(anthropic.Anthropic(base_url=endpoint.url, api_key="k"), call)
    served, journal = await recorded(running(kind, endpoint.url, call))
    endpoint.asked.clear()
    found, replay = await replayed(running(kind, endpoint.url, call), journal)
    assert expected == served == found
    assert (endpoint.asked, replay.tally.replayed, replay.tally.missing, replay.tally.performed) == ([], 1, 0, 0)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize(
    ("question", "stream", "error"),
    [
        ("fail", False, anthropic.RateLimitError),
        ("fail", True, anthropic.RateLimitError),
        ("break", True, anthropic.APIStatusError),
        ("cut", True, httpx2.RemoteProtocolError),  # this SDK lets it pass within a stream
    ],
)
async def test_an_error_comes_back_as_the_sdk_raised_it(endpoint, recorded, replayed, kind, question, stream, error):  # noqa: PLR0917 - fixtures
    body = running(kind, endpoint.url, lambda c: c.messages.create(**asking(question, stream=stream)))
    served, journal = await recorded(body)
    found, _ = await replayed(body, journal)
    assert issubclass(served[0], error)
    assert found == served


async def test_each_try_is_on_record(endpoint, recorded, replayed):
    body = running("async", endpoint.url, lambda c: c.messages.create(**asking("slow down")), retries=2)
    served, journal = await recorded(body)
    found, replay = await replayed(body, journal)
    assert ([json.loads(one.reply)["status"] for one in journal], found, replay.tally.unused) == ([429, 200], served, 0)


async def test_on_record_are_the_request_the_message_and_its_usage(endpoint, recorded):
    _, (effect,) = await recorded(running("async", endpoint.url, CALLS["whole"]))
    reply = json.loads(effect.reply)
    assert (effect.kind, effect.name, json.loads(effect.request)) == ("model", "m", asking("Hi"))
    assert (reply["message"]["content"][0]["text"], reply["usage"]["output_tokens"]) == ("It is warm.", 3)


async def test_pieces_are_the_events_as_the_endpoint_sent_them(endpoint, recorded):
    _, (effect,) = await recorded(running("async", endpoint.url, CALLS["stream"]))
    _head, *events = [json.loads(bytes(chunk)) for _, chunk in decode_stream(effect.reply).stream]
    assert [event["type"] for event in (events[0], events[1], events[-1])] == ["message_start", "ping", "message_stop"]
