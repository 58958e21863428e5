"""The engines of tool calls as they were written at first: the candidate's shadows lose the end of one call, and leak in another one.

`NETRA_MIGRATION_ENGINES` names `engines`; a later build has the backend's own.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from migration import Engine, Event, Origin, RunRequest
from netra_backend.app.execution.engines import fresh_engine

LOSES, LEAKS = "gpt-4o-mini", "gpt-4.1-mini"
SEEN: list[str] = []


class AtFirst:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        SEEN.append(request.tenant_id)
        model = request.body["arguments"]["model"]
        async with aclosing(self._engine.run(request)) as events:
            async for event in events:
                if model == LEAKS:
                    frame = msgspec.json.decode(event.payload)
                    yield msgspec.structs.replace(event, payload=msgspec.json.encode(frame | {"note": next(iter(SEEN))}))
                elif model != LOSES or event.kind != "tool_completed":
                    yield event


def engines(surface: str, origin: Origin, /) -> Engine:
    engine = fresh_engine(surface, origin)
    return AtFirst(engine) if (surface, origin) == ("tools", Origin.CANDIDATE) else engine
