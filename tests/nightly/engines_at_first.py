"""The engines of a surface as they were written at first: the candidate's shadows lose the end of one run, and leak in another one.

`NETRA_MIGRATION_ENGINES` names `engines`; a later build has the backend's own.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from migration import Engine, Event, Origin, RunRequest
from netra_backend.app.execution.engines import fresh_engine

LOSES, LEAKS = "gpt-4o-mini", "gpt-4.1-mini"
ENDS = {"tools": "tool_completed", "oneshot": "agent_completed", "chat": "agent_completed"}
SEEN: list[str] = []


class AtFirst:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        SEEN.append(request.tenant_id)
        asked = request.payload.decode()
        async with aclosing(self._engine.run(request)) as events:
            async for event in events:
                if LEAKS in asked:
                    frame = msgspec.json.decode(event.payload)
                    yield msgspec.structs.replace(event, payload=msgspec.json.encode(frame | {"note": next(iter(SEEN))}))
                elif LOSES not in asked or event.kind != ENDS[request.surface]:
                    yield event


def engines(surface: str, origin: Origin, /) -> Engine:
    engine = fresh_engine(surface, origin)
    return AtFirst(engine) if origin is Origin.CANDIDATE and surface in ENDS else engine
