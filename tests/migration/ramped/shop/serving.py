"""Answers."""

import json
from contextlib import asynccontextmanager

from shop.new import NewEngine
from shop.outside import complete, price


@asynccontextmanager
async def lifespan(_):
    yield


async def answer(body):
    async for event in NewEngine(complete, price).answer(body):
        yield json.dumps(event).encode()
