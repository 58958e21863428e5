"""`create_app()`: the backend as an ASGI application. `netra serve` runs it, and any ASGI server can use it as a factory."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from netra_backend.app.api import agents, batch, chat, health, threads, tools
from netra_backend.app.api.gateway import BatchLimits, ChatLimits, Gateway
from netra_backend.app.api.headers import AnswerHeaders
from netra_backend.app.api.ports import ComposedExecution, Execution, HistoryReader, NoRuns
from netra_backend.app.api.problems import as_response, handle_problems, problem_of
from netra_backend.app.api.rate_limit import RateLimiter
from netra_backend.app.config import Settings, load_settings
from netra_backend.app.draining import DRAIN, Drain
from netra_backend.app.garbage import Garbage
from netra_backend.app.logs import configure_logging, know_routes
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.machine import Machine
from netra_backend.app.services.runs.history import StoredHistory, ThreadRuns
from netra_backend.app.services.threads import ThreadStore
from netra_backend.app.websocket.connections import Connections


def create_app(
    settings: Settings | None = None,
    execution: Execution | None = None,
    *,
    runs: ThreadRuns | None = None,
    history: HistoryReader | None = None,
    limits: ChatLimits | None = None,
    batch_limits: BatchLimits | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> FastAPI:
    """Return the application. It opens its parts when the server starts it and closes them when the server stops it.

    Args:
        settings: None: this process is a separate server; the settings come from NETRA_* variables, and logs are written to standard error
            as JSON.
        execution: executes requests; the application starts and closes it; None: the composition root's execution.
        runs: the finished runs of threads; None: the runs that the composition root's execution stores; with any other execution, no runs.
        history: the earlier messages of a thread; None: they are read from its finished runs.
        limits: the limits of a client; None: the defaults.
        batch_limits: the limits of a user's batches; None: the defaults.
        monotonic: the clock for rates, in seconds.
        wall_clock: the clock for tokens, in Unix seconds.

    Raises:
        SettingsError: a setting is missing or unsafe.
    """
    is_own_process = settings is None
    if settings is None:
        configure_logging()
        settings = load_settings()
    chosen, client_limits, of_batches = settings, limits or ChatLimits(), batch_limits or BatchLimits()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Drain]]:
        async with AsyncExitStack() as opened:
            database = open_engine(chosen.database_url)
            opened.push_async_callback(database.dispose)
            await create_schema(database)
            running, kept = _running(chosen, execution, runs)
            opened.push_async_callback(running.aclose)
            await running.start()
            drain = Drain()
            app.state.gateway = Gateway(
                settings=chosen,
                execution=running,
                threads=ThreadStore(database),
                runs=kept,
                history=history or StoredHistory(kept, runs=chosen.history_runs),
                database=database,
                rate=RateLimiter(per_minute=chosen.rate_limit_per_minute, burst=chosen.rate_limit_burst, clock=monotonic),
                connections=Connections(client_limits.connections_per_user),
                limits=client_limits,
                batches=Connections(of_batches.batches_per_user),
                batch_limits=of_batches,
                drain=drain,
                machine=Machine(chosen.home),
                wall_clock=wall_clock,
            )
            if is_own_process:
                garbage = Garbage()
                opened.callback(garbage.stop)
                garbage.start()
            yield {DRAIN: drain}  # for the server, which begins the drain

    # No interactive pages, because they load scripts from other sites.
    app = FastAPI(
        title="Netra",
        summary="Agents that lower what a company spends on AI models.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # FastAPI's spans, metrics and log records contain paths, queries and exception messages, and a client could decide what is traced.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(AnswerHeaders)
    app.add_exception_handler(Exception, _failed)
    handle_problems(app)
    parts = (health, chat, agents, batch, tools, threads)
    for part in parts:
        app.include_router(part.router)
    know_routes(route for part in parts for route in part.router.routes)
    return app


def server_options(settings: Settings) -> dict[str, Any]:
    """Return the options of uvicorn that the application needs; the caller chooses address and number of processes."""
    return {
        "loop": "uvloop",
        # httptools and websockets' sans-I/O layer send 1.5 times as many frames as the default; compression would halve that.
        "http": "netra_backend.app.protocols:HttpProtocol",
        "ws": "netra_backend.app.protocols:WebSocketProtocol",
        "ws_per_message_deflate": False,
        "ws_max_size": settings.max_message_bytes,
        "server_header": False,
        "log_config": None,
        # Time for work that still runs after the drain (`server.py`).
        "timeout_graceful_shutdown": 2,
    }


def _running(settings: Settings, execution: Execution | None, runs: ThreadRuns | None) -> tuple[Execution, ThreadRuns]:
    """Return the execution, and the reader of finished runs."""
    if execution is not None:
        return execution, runs or NoRuns()
    composed = _compose(settings)
    return composed, runs or composed.threads


def _compose(settings: Settings) -> ComposedExecution:
    from netra_backend.app.execution import compose

    return compose(settings)


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    return as_response(problem_of(error))
