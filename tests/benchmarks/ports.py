"""What a port costs a streamed reply: time to its first token, and to all of it, beside the bare SDK at the same endpoint, in turn."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import anthropic
import openai

from migration.adapters import anthropic as anthropic_port
from migration.adapters import openai as openai_port
from migration.effects.journals.recording import Recording
from migration.effects.ports import activate, deactivate
from tests.benchmarks.measuring import Measured, beside
from tests.benchmarks.streams import REQUEST
from tests.migration.servers.models import Body, ModelEndpoint

THINKS_S = 0.25  #: how long the endpoint takes to its first token: few models are faster
PAIRS = 31

Times = tuple[float, float]  # seconds to the first token, and to the end
Read = Callable[[], Awaitable[Times]]


class Thinking(ModelEndpoint):
    """Answers after a while, then a token each few milliseconds."""

    def answer(self, path: str, body: Body) -> Any:
        time.sleep(THINKS_S)
        return super().answer(path, body)


async def _chat(client: openai.AsyncOpenAI) -> Times:
    started, first = time.perf_counter(), 0.0
    messages: Any = [{"role": "user", "content": "Hi"}]
    async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True):
        if chunk.choices[0].delta.content and not first:
            first = time.perf_counter() - started
    return first, time.perf_counter() - started


async def _messages(client: anthropic.AsyncAnthropic) -> Times:
    started, first = time.perf_counter(), 0.0
    async with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream:
        async for _ in stream.text_stream:
            first = first or time.perf_counter() - started
    return first, time.perf_counter() - started


async def _recorded(read: Read) -> Times:
    tape = Recording(REQUEST)
    token = activate(tape)
    try:
        return await read()
    finally:
        deactivate(token)


async def _pairs(ported: Read, bare: Read) -> tuple[Measured, Measured]:
    await _recorded(ported)
    await bare()
    pairs = []
    for number in range(PAIRS):  # who comes first changes
        ours = await _recorded(ported) if number % 2 else None
        peer = await bare()
        pairs.append((ours or await _recorded(ported), peer))
    return _row([(ours[0], peer[0]) for ours, peer in pairs]), _row([(ours[1], peer[1]) for ours, peer in pairs])


def _row(pairs: list[tuple[float, float]]) -> Measured:
    ours, peers = (median(column) * 1000 for column in zip(*pairs, strict=True))
    row = beside(ours, "ms", "the SDK without a port", peers, 1.0)
    return row | {"value": round(ours, 3), "peer_value": round(peers, 3), "ratio": round(median(peer / mine for mine, peer in pairs), 4)}  # type: ignore[return-value]  # a row


async def _measured(url: str) -> dict[str, Measured]:
    rows: dict[str, Measured] = {}
    async with (
        openai.AsyncOpenAI(base_url=url, api_key="k", http_client=openai_port.async_http_client()) as ported,
        openai.AsyncOpenAI(base_url=url, api_key="k") as bare,
    ):
        both = await _pairs(lambda: _chat(ported), lambda: _chat(bare))
        rows |= dict(zip(("first token by the OpenAI SDK", "whole stream by the OpenAI SDK"), both, strict=True))
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key="k", http_client=anthropic_port.async_http_client()) as ported_one,
        anthropic.AsyncAnthropic(base_url=url, api_key="k") as bare_one,
    ):
        both = await _pairs(lambda: _messages(ported_one), lambda: _messages(bare_one))
        rows |= dict(zip(("first token by the Anthropic SDK", "whole stream by the Anthropic SDK"), both, strict=True))
    return rows


def run() -> dict[str, Measured]:
    """Return the rows."""
    with Thinking() as endpoint:
        endpoint.pace = lambda: time.sleep(0.005)
        return asyncio.run(_measured(endpoint.url))
