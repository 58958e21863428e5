"""The engine that goes: one async generator of dicts, pool threads for what blocks."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from helpdesk.outside import OutOfPaperError, complete, look_up, notify
from migration import RunRequest
from migration.effects import lane, uuid4

_POOL = ThreadPoolExecutor(8)


async def answer(request: RunRequest) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of one ticket."""
    started, ticket, asked = time.monotonic(), str(uuid4("ticket")), request.body
    yield {"event": "ticket.opened", "ticket": ticket}
    loop = asyncio.get_running_loop()
    yield {"event": "branch.opened", "branch": "search"}
    for topic in asked["topics"]:
        yield {"event": "lookup.asked", "branch": "search", "topic": topic}
    with lane("search"):
        jobs = [loop.run_in_executor(_POOL, look_up, topic) for topic in asked["topics"]]
    for topic, found in zip(asked["topics"], await asyncio.gather(*jobs), strict=True):
        yield {"event": "lookup.answered", "branch": "search", "topic": topic, **found}
    yield {"event": "branch.closed", "branch": "search"}
    yield {"event": "branch.opened", "branch": "answer"}
    words = []
    async for piece in complete([{"role": "user", "content": asked["text"]}]):
        words.append(piece["delta"])
        yield {"event": "token", "branch": "answer", "text": piece["delta"]}
    yield {"event": "branch.closed", "branch": "answer"}
    how = "answered"
    try:
        await notify(asked["colleague"], asked["text"])
    except OutOfPaperError:
        how = "given up"
    yield {"event": "ticket.closed", "ticket": ticket, "how": how, "answer": " ".join(words), "took_s": time.monotonic() - started}
