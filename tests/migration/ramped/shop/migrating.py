"""Answers while the engine is replaced: whichever engine the flags name."""

from contextlib import aclosing

from migration import compose

migration = compose()
lifespan = migration.lifespan


async def answer(body):
    async with aclosing(migration.run("shop", body, tenant_id=body["tenant"], user_id="ann")) as events:
        async for event in events:
            yield event.payload
