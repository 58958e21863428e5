"""The OpenAI SDK behind its port: what it does on record it does again in a replay, and nobody is asked."""

import json
import subprocess
import sys
import threading

import httpx2
import openai
import pytest

from migration.adapters.openai import async_http_client, http_client
from migration.effects.journals.streams import decode_stream
from migration.errors import EffectMissingError
from migration.model import Effect
from tests.migration.servers.models import WORDS

TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
]
RESPONSE_TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}]


def said(question):
    return [{"role": "user", "content": question}]


def whole(client, question, **more):
    return client.chat.completions.create(model="m", messages=said(question), **more)


def response(client, question, **more):
    return client.responses.create(model="m", input=question, **more)


def plain(found):
    """What a call returned, as plain values; of a stream, what it yielded."""
    return found.model_dump() if hasattr(found, "model_dump") else [item.model_dump() for item in found]


CALLS = {
    "whole": lambda c: whole(c, "Hi"),
    "stream": lambda c: whole(c, "Hi", stream=True, stream_options={"include_usage": True}),
    "tool": lambda c: whole(c, "one", tools=TOOLS),
    "tools": lambda c: whole(c, "both", tools=TOOLS),
    "tools, streamed": lambda c: whole(c, "both", tools=TOOLS, stream=True),
    "response": lambda c: response(c, "Hi"),
    "response, streamed": lambda c: response(c, "Hi", stream=True),
    "response with tools": lambda c: response(c, "both", tools=RESPONSE_TOOLS),
    "response with tools, streamed": lambda c: response(c, "both", tools=RESPONSE_TOOLS, stream=True),
    "helper": lambda c: c.chat.completions.stream(model="m", messages=said("Hi")),
    "helper of responses": lambda c: c.responses.stream(model="m", input="both", tools=RESPONSE_TOOLS),
}


async def of_async(url, call):
    async with openai.AsyncOpenAI(base_url=url, api_key="sk-secret", http_client=async_http_client()) as client:
        made = call(client)
        if hasattr(made, "__aenter__"):
            async with made as stream:
                return [event.model_dump() async for event in stream]
        found = await made
        return [item.model_dump() async for item in found] if hasattr(found, "__aiter__") else plain(found)


def of_sync(url, call):
    with openai.OpenAI(base_url=url, api_key="sk-secret", http_client=http_client()) as client:
        made = call(client)
        if hasattr(made, "__enter__") and not hasattr(made, "__iter__"):
            with made as stream:
                return plain(stream)
        return plain(made)


def running(kind, url, call):
    if kind == "sync":
        return lambda: of_sync(url, call)

    async def body():
        return await of_async(url, call)

    return body


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_replay_gives_what_the_endpoint_gave_and_asks_nobody(endpoint, recorded, replayed, kind, call):
    bare = openai.OpenAI(base_url=endpoint.url, api_key="k")
    with bare:
        made = call(bare)
        if hasattr(made, "__enter__") and not hasattr(made, "__iter__"):
            with made as stream:
                expected = plain(stream)
        else:
            expected = plain(made)
    served, journal = await recorded(running(kind, endpoint.url, call))
    endpoint.asked.clear()
    found, replay = await replayed(running(kind, endpoint.url, call), journal)
    assert expected == served == found
    assert (endpoint.asked, replay.tally.replayed, replay.tally.missing, replay.tally.performed) == ([], 1, 0, 0)


async def test_on_record_is_a_chat_completion_and_nothing_that_authorises(endpoint, recorded):
    _, (effect,) = await recorded(running("async", endpoint.url, CALLS["tool"]))
    reply = json.loads(effect.reply)
    assert (effect.kind, effect.name, json.loads(effect.request)) == ("model", "m", {"model": "m", "messages": said("one"), "tools": TOOLS})
    assert (reply["message"]["tool_calls"][0]["function"]["name"], reply["usage"]["total_tokens"]) == ("weather", 10)
    assert b"secret" not in effect.request + effect.reply


async def test_pieces_are_the_chunks_as_the_endpoint_sent_them(endpoint, recorded):
    _, (effect,) = await recorded(running("async", endpoint.url, CALLS["stream"]))
    head, *chunks, done = [json.loads(bytes(chunk)) for _, chunk in decode_stream(effect.reply).stream]
    assert (head["status"], head["headers"]["x-request-id"], done) == (200, "req_1", "data: [DONE]\n\n")
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == "".join(WORDS)


async def test_a_chunk_is_handed_on_before_the_next_one_is_sent_and_replayed_at_its_time(endpoint, recorded, replayed):
    """The endpoint sends each chunk only when the one before was read: a port that collected them would hang."""
    now, read = [0.0], threading.Semaphore(0)
    endpoint.pace = lambda: read.acquire(timeout=60)

    async def body():
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k", http_client=async_http_client()) as client:
            async for _ in await whole(client, "Hi", stream=True):
                now[0] += 1.0
                read.release()

    _, journal = await recorded(body, clock=lambda: now[0])
    assert [at_s for at_s, _ in decode_stream(journal[0].reply).stream] == [0, 0, 1, 2, 3, 4, 5]
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    await replayed(body, journal, pacing="recorded", sleep=sleep)
    assert [wait for wait in waits if wait] == [1, 1, 1, 1, 1]


def failing(kind, url, question, *, stream=False, retries=0):
    if kind == "sync":

        def body():
            with openai.OpenAI(base_url=url, api_key="k", http_client=http_client(), max_retries=retries) as client:
                try:
                    return plain(whole(client, question, stream=stream))
                except openai.APIError as error:
                    return described(error)

        return body

    async def body():
        async with openai.AsyncOpenAI(base_url=url, api_key="k", http_client=async_http_client(), max_retries=retries) as client:
            try:
                found = await whole(client, question, stream=stream)
                return [item async for item in found] if stream else plain(found)
            except openai.APIError as error:
                return described(error)

    return body


def described(error):
    names = ("status_code", "request_id", "code", "type", "body", "message")
    return type(error), *(getattr(error, name, None) for name in names), repr(error.__cause__)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize(
    ("question", "stream", "error"),
    [
        ("fail", False, openai.RateLimitError),
        ("fail", True, openai.RateLimitError),
        ("break", True, openai.APIError),
        ("cut", True, openai.APIConnectionError),
    ],
)
async def test_an_error_comes_back_as_the_sdk_raised_it(endpoint, recorded, replayed, kind, question, stream, error):  # noqa: PLR0917 - fixtures
    body = failing(kind, endpoint.url, question, stream=stream)
    served, journal = await recorded(body)
    found, _ = await replayed(body, journal)
    assert issubclass(served[0], error)
    assert found == served


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_an_endpoint_that_is_not_there_is_not_there_in_a_replay(recorded, replayed, kind):
    body = failing(kind, "http://127.0.0.1:9", "Hi")
    served, journal = await recorded(body)
    assert (served[0], journal[0].error.type) == (openai.APIConnectionError, "ConnectError")
    assert (await replayed(body, journal))[0] == served


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_each_try_is_on_record_and_a_replay_tries_as_often(endpoint, recorded, replayed, kind):
    body = failing(kind, endpoint.url, "slow down", retries=2)
    served, journal = await recorded(body)
    assert [json.loads(one.reply)["status"] for one in journal] == [429, 200]
    found, replay = await replayed(body, journal)
    assert (found, replay.tally.missing, replay.tally.unused) == (served, 0, 0)


async def test_another_question_is_not_on_record(endpoint, recorded, replayed):
    _, journal = await recorded(running("async", endpoint.url, CALLS["whole"]))
    with pytest.raises(EffectMissingError):
        await replayed(running("async", endpoint.url, lambda c: whole(c, "Hello")), journal)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_completion_that_another_tool_recorded_is_answered(replayed, stream):
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    reply = {"message": {"role": "assistant", "content": None, "tool_calls": [call]}, "usage": None}
    request = {"model": "m", "messages": said("Hi")} | ({"stream": True} if stream else {})
    effect = Effect(
        kind="model", name="m", lane="", key="", request=json.dumps(request).encode(), reply=json.dumps(reply).encode(), error=None,
        started_s=0.0, duration_s=1.0,
    )  # fmt: skip
    found, _ = await replayed(
        running("async", "http://127.0.0.1:9", lambda c: whole(c, "Hi", **({"stream": True} if stream else {}))), (effect,)
    )
    told = found[0]["choices"][0]["delta"] if stream else found["choices"][0]["message"]
    assert told["tool_calls"][0]["function"]["name"] == "weather"


async def test_what_is_no_models_is_a_tool(recorded, replayed):
    def answer(request):
        return httpx2.Response(200, json={"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "o"}]})

    async def body():
        port = async_http_client(httpx2.AsyncClient(transport=httpx2.MockTransport(answer)))
        async with openai.AsyncOpenAI(base_url="http://api.example", api_key="k", http_client=port) as client:
            return [model.id async for model in client.models.list()]

    served, journal = await recorded(body)
    assert (served, journal[0].kind, journal[0].name) == (["m"], "tool", "GET api.example")
    assert (await replayed(body, journal))[0] == served


async def test_outside_of_a_run_the_port_is_as_if_it_were_not_there(endpoint):
    assert (await of_async(endpoint.url, CALLS["whole"]))["choices"][0]["message"]["content"] == "".join(WORDS)


WATCHED = """
import sys, httpx2, openai, migration.adapters.openai as port
started = []
sys.addaudithook(lambda event, told: started.append(told[1]) if event == "subprocess.Popen" else None)
bare = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json={"choices": []})))
with openai.OpenAI(api_key="k", http_client=port.http_client(bare)) as client:
    client.chat.completions.create(model="m", messages=[])
print(started)
"""


def test_a_run_starts_no_program_for_the_sdks_first_request():
    assert subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_azures_client_has_the_same_port(endpoint, recorded, replayed, stream):
    options = {"base_url": f"{endpoint.url}/openai", "api_version": "2024-10-21", "api_key": "sk-secret"}

    async def body():
        async with openai.AsyncAzureOpenAI(http_client=async_http_client(), **options) as client:
            found = await whole(client, "Hi", stream=stream)
            return [item.model_dump() async for item in found] if stream else found.model_dump()

    def in_a_thread():
        with openai.AzureOpenAI(http_client=http_client(), **options) as client:
            return plain(whole(client, "Hi", stream=stream))

    for run in (body, in_a_thread):
        served, journal = await recorded(run)
        found, replay = await replayed(run, journal)
        assert (found, replay.tally.missing, [(one.kind, one.name) for one in journal]) == (served, 0, [("model", "m")])
        assert "sk-secret" not in repr(journal)
    assert [path for path, _ in endpoint.asked] == ["/openai/deployments/m/chat/completions?api-version=2024-10-21"] * 2
