"""The shop's backend: `uvicorn shop.app:app --workers 2`."""

from shop.migrating import answer, lifespan
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


async def ask(request: Request) -> StreamingResponse:
    frames = answer(dict(request.query_params))
    return StreamingResponse(frame + b"\n" async for frame in frames)


app = Starlette(routes=[Route("/", ask)], lifespan=lifespan)
