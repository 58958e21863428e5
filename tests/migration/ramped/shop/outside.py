"""What the shop asks: a model and a tool."""

from collections.abc import AsyncIterator


async def complete(prompt: str) -> AsyncIterator[str]:
    for word in f"an answer to {prompt}".split():
        yield word


async def price(product: str) -> float:
    return 9.5 + len(product)
