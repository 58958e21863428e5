"""Serves requests with `UserExecutionEngine` alone: no flags, no shadow, one run store. This module remains when the last migration is
over.

After the migration, `compose` builds the object that executes the API's requests. During the migration the composition root builds it, and
uses `DirectRuns` for the surfaces that are done.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from netra_backend.app.agents.supervisor.execution_engine_factory import FactoryLimits
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings
from netra_backend.app.errors import RunStoreUnavailableError
from netra_backend.app.metrics import RunMetrics
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.outside import Outside
from netra_backend.app.services.runs.databases import RunDatabases
from netra_backend.app.services.runs.finished_run import FinishedRun, Outcome, RunStore, finished_run
from netra_backend.app.services.runs.history import ThreadRuns
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import World

logger = logging.getLogger(__name__)

Stream = Callable[[UserExecutionContext, Mapping[str, Any]], AsyncGenerator[bytes, None]]

#: How each surface is served. All surfaces share one candidate, so that its limits apply to all of them together.
SURFACES: Final[Mapping[str, Callable[[Candidate], Stream]]] = {
    "chat": lambda candidate: candidate.stream,
    "oneshot": lambda candidate: candidate.run_agent,
    "batch": lambda candidate: candidate.run_agent,
    "tools": lambda candidate: candidate.call_tool,
}

_PAUSES_S: Final = (0.1, 0.5)  #: pauses before the next try to store a run


def factory_limits(settings: Settings) -> FactoryLimits:
    """Return the settings' limits on engines."""
    return FactoryLimits(engines_per_user=settings.engines_per_user, engines=settings.max_engines, idle_age_s=settings.engine_idle_s)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a run that are known when it begins. Implements `AskedRun`."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    received_at: float


class DirectRuns:
    """Runs requests on the candidate and stores the results in the user store.

    Args:
        candidate: serves all surfaces.
        store: stores finished runs.
        metrics: counts finished runs.
        clock: monotonic seconds.
        wall_clock: Unix seconds.
        sleep: waits before the next try to store a run.
    """

    def __init__(
        self,
        candidate: Candidate,
        store: RunStore,
        metrics: RunMetrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._candidate, self._store, self._metrics = candidate, store, metrics
        self._clock, self._wall_clock, self._sleep = clock, wall_clock, sleep
        self._keeping: set[asyncio.Task[None]] = set()

    async def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        """Yield the run's frames, as they are sent. Closing the generator stops the work; such a run is not stored.

        Raises: the errors of the candidate, and
            RunStoreUnavailableError: the run ended but could not be stored.
            RunRefusedError: the run's id belongs to another run.
        """
        asked, started, ending = self._asked(surface, context), self._clock(), context.ending
        outcome: Outcome = "completed"
        try:
            async with aclosing(SURFACES[surface](self._candidate)(context, payload)) as frames:
                async for frame in frames:
                    ending.see(frame)
                    yield frame
            outcome = ending.finished()
        except BaseException as failure:
            outcome = ending.broken_off(failure)
            raise
        finally:
            duration_s = self._clock() - started
            try:
                if outcome != "cancelled":
                    run = finished_run(asked, payload, ending.answers, engine="user", outcome=outcome, duration_s=duration_s)
                    await self._kept(run)
            except Exception:
                outcome = ending.settle("failed")  # even if the engine reported success, because the run was not stored
                raise
            finally:
                self._metrics.count(surface, outcome, duration_s)

    async def aclose(self) -> None:
        """Wait for runs that are being stored."""
        await asyncio.gather(*self._keeping, return_exceptions=True)

    def _asked(self, surface: str, context: UserExecutionContext) -> _Asked:
        return _Asked(
            surface=surface,
            tenant_id=context.tenant_id,
            user_id=context.user_id,
            thread_id=context.thread_id,
            run_id=context.run_id,
            received_at=self._wall_clock(),
        )

    async def _kept(self, run: FinishedRun) -> None:
        """Store the run even if the caller stops waiting, because the user has seen the answer."""
        task = asyncio.create_task(self._keep(run), name=f"keep-run-{run.run_id}")
        self._keeping.add(task)
        task.add_done_callback(self._ended)
        await asyncio.shield(task)

    async def _keep(self, run: FinishedRun) -> None:
        for pause_s in _PAUSES_S:
            try:
                return await self._store.write([run])
            except RunStoreUnavailableError as error:
                logger.warning("run %s could not be stored, trying again: %s", run.run_id, error)
            await self._sleep(pause_s)
        return await self._store.write([run])

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._keeping.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Logged here too, because the caller may have stopped waiting.
            logger.error("%s failed with %s: %s", task.get_name(), type(error).__name__, error)


class DirectExecution:
    """The object that serves the API when no surface is being migrated.

    Args:
        settings: the settings of the backend.
        registry: the registry of the metrics; one for each process, in tests one for each test.
        world: the ports; None: the real ones.
    """

    def __init__(self, settings: Settings, registry: CollectorRegistry = REGISTRY, *, world: World | None = None) -> None:
        self._outside = Outside(settings)
        self._metrics = RunMetrics(registry)
        self._databases = RunDatabases(settings)
        ports, tools = world or self._outside.world, self._outside.registry.specs()
        self._candidate = Candidate(ports, tools, limits=factory_limits(settings))
        self._runs = DirectRuns(self._candidate, self._databases.user, self._metrics)

    @property
    def threads(self) -> ThreadRuns:
        """The reader of finished runs."""
        return self._databases.user

    async def start(self) -> None:
        """Do nothing: every part opens on first use."""

    async def aclose(self) -> None:
        """Stop the engines and close everything."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._outside.aclose)
            closing.push_async_callback(self._databases.aclose)
            closing.push_async_callback(self._runs.aclose)
            closing.push_async_callback(self._candidate.aclose)

    def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        """Return the run's frames. Closing the generator stops the work."""
        return self._runs.stream(surface, context, payload)

    def metrics(self) -> tuple[bytes, str]:
        """Return the metrics of all server processes, and their content type."""
        return self._metrics.render()

    def ready(self) -> Mapping[str, str]:
        """Return "ok" for each surface."""
        return dict.fromkeys(SURFACES, "ok")


def compose(settings: Settings) -> DirectExecution:
    """Return the object that executes the API's requests.

    Raises:
        SettingsError: a setting of the backend cannot be used.
    """
    return DirectExecution(settings)


def check_settings(settings: Settings) -> tuple[str, ...]:
    """Check that everything can be composed from these settings, and return the variables that contain further settings.

    Raises:
        SettingsError: a setting cannot be used; the message names its variable.
    """
    open_engine(settings.database_url)
    open_engine(settings.user_runs_url, setting="NETRA_USER_RUNS_URL")
    return ()
