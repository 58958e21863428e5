"""`/health`, `/ready` and `/metrics`: for load balancers, orchestrators and Prometheus. They contain nothing about users."""

import asyncio
import hmac
import logging
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.api.auth import credentials
from netra_backend.app.api.gateway import Gateway, gateway_of
from netra_backend.app.api.problems import documented
from netra_backend.app.errors import AuthenticationError
from netra_backend.app.metrics import ready_components
from netra_backend.app.services.machine import Machine

_logger = logging.getLogger(__name__)

router = APIRouter(tags=["operations"])

_DATABASE_TIMEOUT_S: Final = 2.0


class Health(BaseModel):
    """The process is alive."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether the process can serve chats, and the state of each component."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready", "components": {"database": "ok", "chat": "ok"}}]})

    status: Literal["ready", "not_ready"]
    components: dict[str, str] = Field(description='"ok", or the reason why not, by component')


_FAILED: Final = documented(500)
_NOT_READY: Final[dict[str, Any]] = {
    "model": Readiness,
    "description": "At least one component cannot serve.",
    "content": {"application/json": {"example": {"status": "not_ready", "components": {"database": "no answer within 2 s", "chat": "ok"}}}},
}
_METRICS: Final[dict[str, Any]] = {
    "description": "Metrics in the text format of Prometheus.",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": 'netra_runs_total{surface="chat",outcome="completed"} 3.0\n'}},
}


async def _gateway(request: Request) -> Gateway:
    return gateway_of(request.app)


@router.get("/health", summary="Whether the process is alive", response_description="The process is alive.")
async def health() -> Health:
    """Answer as long as the event loop runs, without asking any component."""
    return Health()


@router.get(
    "/ready",
    summary="Whether the process can serve chats",
    response_description="The process can serve chats.",
    responses={503: _NOT_READY, **_FAILED},
)
async def ready(gateway: Annotated[Gateway, Depends(_gateway)], response: Response) -> Readiness:
    """Ask each component; 503 when one cannot serve."""
    components = await _components(gateway)
    if all(state == "ok" for state in components.values()):
        return Readiness(status="ready", components=components)
    response.status_code = 503
    return Readiness(status="not_ready", components=components)


@router.get("/metrics", summary="The metrics of the process", response_class=Response, responses={200: _METRICS, **documented(401, 500)})
async def metrics(gateway: Annotated[Gateway, Depends(_gateway)], request: Request) -> Response:
    """Return the current metrics. If NETRA_METRICS_TOKEN is set, the request must contain it."""
    wanted = gateway.settings.metrics_token
    if wanted is not None:
        shown = credentials(request).token or ""
        if not hmac.compare_digest(shown.encode(), wanted.get_secret_value().encode()):
            raise AuthenticationError("send 'Authorization: Bearer <token>' with the token of NETRA_METRICS_TOKEN")
    await _components(gateway)
    body, content_type = gateway.execution.metrics()
    return Response(body, headers={"content-type": content_type})


async def _components(gateway: Gateway) -> dict[str, str]:
    """Return the state of each component, and show it in the metrics."""
    components = {"database": await _database(gateway.database), **await _machine(gateway.machine), **gateway.execution.ready()}
    components["server"] = "it is stopping" if gateway.drain.begun else "ok"
    for name, state in components.items():
        ready_components().labels(name).set(state == "ok")
    return components


async def _machine(machine: Machine) -> dict[str, str]:
    try:
        async with asyncio.timeout(_DATABASE_TIMEOUT_S):
            return await asyncio.to_thread(machine.state)
    except TimeoutError:
        return {"home": f"no answer within {_DATABASE_TIMEOUT_S:.0f} s; the disk hangs"}
    except (RuntimeError, MemoryError):
        return {"memory": "no thread can be started; raise the limits of memory and processes"}


async def _database(engine: AsyncEngine) -> str:
    """Return "ok", or why the database does not answer.

    The reason contains only the type of the error, because its text may contain an address.
    """
    try:
        async with asyncio.timeout(_DATABASE_TIMEOUT_S), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except TimeoutError:
        return f"no answer within {_DATABASE_TIMEOUT_S:.0f} s"
    except (SQLAlchemyError, OSError) as error:
        _logger.warning("the database does not answer", extra={"error_type": type(error).__name__})
        return f"does not answer: {type(error).__name__}"
    return "ok"
