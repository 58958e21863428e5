"""What the helpdesk reaches: a model that streams, a search that blocks, a colleague to notify. Each is a port by one line."""

import asyncio
import time
from collections.abc import AsyncIterator

from migration.effects import effect

#: What was really asked of the outside, by name; appending is one step of the interpreter, whichever thread it comes from.
reached: list[str] = []


class OutOfPaperError(Exception):
    """The colleague cannot be told."""


@effect("model", "oracle")
async def complete(messages: list[dict[str, str]], stream: bool = True) -> AsyncIterator[dict[str, str]]:
    """Yield the model's answer word by word."""
    reached.append("oracle")
    said = messages[-1]["content"]
    for word in ["You", "said:", *said.split()]:
        await asyncio.sleep(0.001)
        yield {"delta": word}


@effect("tool")
def look_up(topic: str) -> dict[str, int]:
    """Return how often a topic came up. Blocks."""
    reached.append("look_up")
    time.sleep(0.001)
    return {"hits": len(topic)}


@effect("tool", raises=[OutOfPaperError])
async def notify(colleague: str, ticket: str) -> bool:
    """Tell a colleague."""
    reached.append("notify")
    if colleague == "nobody":
        raise OutOfPaperError("no paper left")
    return True
