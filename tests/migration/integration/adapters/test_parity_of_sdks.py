"""Engines that ask by an SDK: the same one on both sides matches, one that differs is found; the shadow runs sealed, so it asks nobody."""

import asyncio
import json

import anthropic
import httpx2
import openai
import pytest

from migration import Origin, stream_engine
from migration.adapters import anthropic as anthropic_port
from migration.adapters import openai as openai_port
from migration.effects import effect, lane
from migration.testing import Verdict, compared, explained

FUNCTION = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


@effect("tool")
async def weather(city: str) -> str:
    return f"{city}: warm"


async def openai_chat(url, question, fault):
    """Calls of tools in parallel branches, then a streamed answer."""
    tools, messages = [{"type": "function", "function": FUNCTION}], [{"role": "user", "content": question}]
    async with openai.AsyncOpenAI(base_url=url, api_key="k", http_client=openai_port.async_http_client(), max_retries=0) as client:
        first = await client.chat.completions.create(model="m", messages=messages, tools=tools)
        calls = first.choices[0].message.tool_calls
        messages.append(first.choices[0].message.model_dump(exclude_none=True))

        async def called(call):
            with lane(call.id):
                return await weather(**json.loads(call.function.arguments))

        for call, found in zip(calls, await asyncio.gather(*map(called, calls)), strict=True):
            yield {"type": "tool", "found": found}
            messages.append({"role": "tool", "tool_call_id": call.id, "content": found})
        more = {"temperature": 1} if fault else {}
        async for chunk in await client.chat.completions.create(model="m", messages=messages, tools=tools, stream=True, **more):
            yield {"type": "word", "text": chunk.choices[0].delta.content}


def openai_responses(url, question, fault):
    """In a thread."""
    with openai.OpenAI(base_url=url, api_key="k", http_client=openai_port.http_client(), max_retries=0) as client:
        for event in client.responses.create(model="m", input=question, stream=True):
            if event.type == "response.output_text.delta" and not (fault and event.delta == "is "):
                yield {"type": "word", "text": event.delta}


async def anthropic_messages(url, question, fault):
    """The SDK's own loop over pieces, and its error."""
    async with anthropic.AsyncAnthropic(base_url=url, api_key="k", http_client=anthropic_port.async_http_client(), max_retries=0) as client:
        async with client.messages.stream(model="m", max_tokens=99, messages=[{"role": "user", "content": question}]) as stream:
            async for text in stream.text_stream:
                yield {"type": "word", "text": text}
        try:
            await client.messages.create(model="m", max_tokens=99, messages=[{"role": "user", "content": "fail"}])
        except anthropic.RateLimitError as error:
            yield {"type": "refused", "status": error.status_code + bool(fault)}


@pytest.fixture
def built(endpoint, surface):
    def builder(run, fault):
        def build(_surface, origin):
            return stream_engine(lambda request: run(endpoint.url, request.body["question"], fault and origin is Origin.CANDIDATE))

        return build

    return builder


@pytest.mark.parametrize("serving", list(Origin), ids=lambda origin: origin.value)
@pytest.mark.parametrize("run", [openai_chat, openai_responses, anthropic_messages])
async def test_the_same_engine_on_both_sides_matches(endpoint, built, run, serving):
    comparison = await compared("bot", {"question": "both"}, serving=serving, engines=built(run, fault=False))
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert len(endpoint.asked) == {openai_chat: 2, openai_responses: 1, anthropic_messages: 2}[run]


@pytest.mark.parametrize(
    ("run", "kind"), [(openai_chat, "effect_changed"), (openai_responses, "missing_event"), (anthropic_messages, "payload")]
)
async def test_a_planted_difference_is_found(built, run, kind):
    comparison = await compared("bot", {"question": "both"}, engines=built(run, fault=True))
    assert (comparison.verdict, kind in {one.kind for one in comparison.divergences}) == (Verdict.DIVERGENT, True), explained(comparison)


@pytest.mark.parametrize("port", [openai_port, anthropic_port])
def test_a_client_of_ones_own_keeps_its_time_limit(port):
    with httpx2.Client(timeout=1.5) as own, port.http_client(own) as ported:
        assert ported.timeout == httpx2.Timeout(1.5)
