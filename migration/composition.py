"""`compose` makes a running migration from engines and settings. This is the one place where the parts of a serving process are
combined.
"""

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from migration.comparison import Policy, default_policy, outcome_by
from migration.effects.journals import tape_served_logs
from migration.errors import ConfigurationError, NotReadyError, UnknownSurfaceError
from migration.facade import ExecutionFacade, RunEnding
from migration.failover import Build, Failover
from migration.flags import LaunchDarklyFlags
from migration.isolation import Canaries, Neighbourhood
from migration.model import Engine, Event, Origin, RunRequest
from migration.settings import MigrationSettings
from migration.shadow import Governing, ProcessShadow, ShadowResult, builder, declared_read_only
from migration.stores import KeptRuns
from migration.telemetry import Metrics, Tracing, multiprocess, render

if TYPE_CHECKING:
    from migration.rollout import RampGauges
    from migration.stores import ThreadReader

logger = logging.getLogger(__name__)

#: Seconds that running shadows have at shutdown; a shadow that needs longer is counted as failed, with the reason "closed".
_DRAIN_S: Final = 2.0
#: Seconds that a span collector has to accept the last spans.
_DELIVERY_S: Final = 5.0
_encode: Final = msgspec.json.encode

Engines = Mapping[str, Mapping[Origin, Engine]]
"""Both engines of each surface."""


def compose(
    settings: MigrationSettings | None = None,
    *,
    engines: Engines | None = None,
    runs: KeptRuns | None = None,
    registry: CollectorRegistry = REGISTRY,
    service: str = "migration",
) -> "Migration":
    """Return a migration of the surfaces that the project configures. Nothing is started yet: see `Migration`.

    Args:
        settings: None: read from the project's `[tool.netra-migration]` and `NETRA_MIGRATION_*`.
        engines: the engines that serve; None: made once by the builder that the project names under `engines`. The worker makes its own
            engines.
        runs: the run stores; None: there are none, so no stage has to wait until a thread's history is copied.
        registry: holds the metrics; a process has one.
        service: OpenTelemetry's `service.name`.

    Raises:
        ConfigurationError: a setting, a surface's file or an import string cannot be used, or the given engines are not both engines of a
            surface that is migrated; the message names the cause and the line.
    """
    chosen = settings or MigrationSettings()
    policies = check_configuration(chosen)
    if engines is None:
        build = builder(chosen)
        engines = {surface: {origin: build(surface, origin) for origin in Origin} for surface in chosen.surfaces}
    _check_engines(engines, policies)
    return Migration(chosen, engines, policies, runs=runs, registry=registry, service=service)


def check_configuration(settings: MigrationSettings) -> dict[str, Policy]:
    """Return the policies of all surfaces; so an error in a policy is reported at start, not when the first run is compared.

    Raises:
        ConfigurationError: a surface's file is missing or not valid, or surfaces contradict each other; the message names file and line.
    """
    declared_read_only(settings)
    return {surface: default_policy(surface, settings.project) for surface in settings.surfaces}


def _check_engines(engines: Engines, policies: Mapping[str, Policy]) -> None:
    for surface, both in engines.items():
        if surface not in policies:
            raise UnknownSurfaceError(surface, policies)
        if len(both) < len(Origin):
            raise ConfigurationError(f"{surface}: one engine is not enough; give `compose` both control and candidate")


class Migration:
    """A migration in a serving process: an async context manager, and with `lifespan` the lifespan of an ASGI application.

    Everything runs on the event loop in which the migration is entered. In a program without a loop, see `migration.threaded`. `compose`
    makes a migration.

    Args:
        settings: the migration's settings.
        engines: the engines that serve, by surface; a surface that is missing here is not served.
        policies: by surface; a policy's endings give the outcome of a run whose engine does not report one.
        runs: the run stores; None: there are none.
        registry: holds the metrics.
        service: OpenTelemetry's `service.name`.

    Raises:
        ConfigurationError: a setting cannot be used.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        engines: Engines,
        policies: Mapping[str, Policy],
        *,
        runs: KeptRuns | None = None,
        registry: CollectorRegistry = REGISTRY,
        service: str = "migration",
    ) -> None:
        multiprocess.begin()
        self._metrics = metrics = Metrics(watch_tenants=settings.watch_tenants, registry=registry, surfaces=settings.surfaces)
        self.tracing = Tracing(settings, service, metrics.lost)
        # Imported here, because the import of SQLAlchemy takes as long as all others together, and not every module that imports `compose`
        # calls it.
        from migration.evidence import GateNeeds, UnseenRuns
        from migration.processes import Heartbeat, facts_of
        from migration.stores import FinishedRuns

        governed = settings.shadow_governor == "on"
        self.governing = governing = Governing(settings, metrics, needs=GateNeeds(settings)) if governed else None
        self.flags = LaunchDarklyFlags(settings, metrics, governor=governing)
        self._under_way = Counter[str]()
        self._build = Build(settings)
        failovers = {
            surface: Failover(policies[surface], both[Origin.CONTROL], build=self._build, metrics=metrics)
            for surface, both in engines.items()
        }
        unseen = UnseenRuns(settings)
        self.shadow = ProcessShadow(settings, metrics, self._shadowed, unseen=unseen.count)
        self._heartbeat = Heartbeat(
            settings,
            self.flags,
            metrics,
            runs=lambda: self._under_way,
            shadow=self.shadow,
            cost=governing,
            failovers=lambda: {surface: failover.results for surface, failover in failovers.items()},
            unseen=unseen,
            attributes=self.flags.attributes,
        )
        self._facts = facts_of(settings, self.flags, metrics, partial(_ramps, settings, metrics))
        self._runs = FinishedRuns(settings, runs, plan=self.flags.plan, metrics=metrics)
        neighbourhood = _neighbourhood(settings)
        self._facades = {
            surface: ExecutionFacade(
                surface=surface,
                engines=both,
                flags=self.flags,
                shadow=self.shadow,
                metrics=metrics,
                shadow_deadline_s=settings.shadow_deadline_s,
                tax=governing,
                neighbourhood=neighbourhood,
                writer=self._runs.writer,
                unseen=unseen.count,
                tombstones=self._runs.tombstones,
                outcome_by_events=partial(outcome_by, policies[surface].endings),
                failover=failovers[surface],
                tracing=self.tracing,
            )
            for surface, both in engines.items()
        }

    @property
    def surfaces(self) -> tuple[str, ...]:
        """The surfaces that are served here."""
        return tuple(self._facades)

    @property
    def threads(self) -> "ThreadReader":
        """Reads threads from the run stores that the plans name.

        Raises:
            ConfigurationError: no finished runs are stored.
        """
        if self._runs.threads is None:
            raise ConfigurationError("there are no run stores, so there are no threads to read; give `compose` the run stores as `runs`")
        return self._runs.threads

    async def start(self) -> None:
        """Start the shadow worker, deliver finished runs that wait for a store, record the logs of runs, and publish this process'
        state.
        """
        tape_served_logs()
        await self.shadow.start()
        if self.governing is not None:
            self.governing.start(self.shadow)
        self._runs.start()
        self._heartbeat.start()
        self._facts.start()
        self._build.start()

    async def aclose(self) -> None:
        """Give waiting shadows a moment, and close everything. Close the engines before this call, and the run stores after it."""
        async with AsyncExitStack() as closing:
            closing.callback(multiprocess.end)
            # Closed late, so that the spans of everything else are exported too.
            closing.push_async_callback(asyncio.to_thread, self.tracing.close, _DELIVERY_S)
            closing.push_async_callback(self._runs.aclose)
            closing.callback(self.flags.close)
            closing.push_async_callback(asyncio.to_thread, self._facts.stop)
            closing.push_async_callback(asyncio.to_thread, self._heartbeat.stop)
            closing.push_async_callback(self.shadow.aclose)
            if self.governing is not None:
                closing.push_async_callback(self.governing.aclose)
            closing.push_async_callback(self.shadow.drain, _DRAIN_S)

    async def __aenter__(self) -> Self:
        """Start."""
        try:
            await self.start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Be the lifespan of an ASGI application: `Starlette(lifespan=migration.lifespan)`, `FastAPI(lifespan=migration.lifespan)`."""
        async with self:
            yield

    def run(
        self,
        surface: str,
        payload: Mapping[str, Any] | bytes,
        *,
        tenant_id: str,
        user_id: str = "",
        thread_id: str = "",
        run_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Return the events of the engine that the flags name, unchanged and unbuffered; its errors pass through.

        Closing the generator stops the engine (`contextlib.aclosing`).

        Args:
            surface: the entry point.
            payload: the engines get it as `RunRequest.payload`: a mapping, or JSON.
            tenant_id: the tenant, for flags and evidence.
            user_id: the user who asked; the scan for other users' data uses it.
            thread_id: the conversation; empty: the request belongs to none.
            run_id: unique; None: a new one.
            attributes: the tenant's attributes, for rules of flags; None: there are none.

        Raises:
            UnknownSurfaceError: this surface is not served here.
            NotReadyError: no flags are known yet.
        """
        request = RunRequest(
            surface=surface,
            tenant_id=tenant_id,
            user_id=user_id,
            thread_id=thread_id,
            run_id=run_id or uuid.uuid4().hex,
            payload=payload if isinstance(payload, bytes) else _encode(payload),
            received_at=time.time(),
            attributes=_encode(attributes) if attributes else b"",
        )
        return self.serve(request)

    async def serve(self, request: RunRequest, /, ending: RunEnding | None = None) -> AsyncGenerator[Event, None]:
        """Yield the events of a request that the caller built. It does the same as `run` and raises the same errors.

        Args:
            request: the request.
            ending: gives the reason of an interruption, and receives the outcome; None: an interruption counts as cancelled.

        Raises:
            UnknownSurfaceError: the project has no such surface.
            NotReadyError: nothing is served on the surface yet, because no flags are known.
        """
        surface = request.surface
        if (facade := self._facades.get(surface)) is None:
            raise UnknownSurfaceError(surface, self._facades)
        if (why := self.flags.unready(surface)) is not None:
            raise NotReadyError(surface, why)
        self._heartbeat.saw(request.tenant_id, request.attributes)
        self._under_way[surface] += 1
        try:
            async with aclosing(facade.run(request, ending)) as events:
                async for event in events:
                    yield event
        finally:
            self._under_way[surface] -= 1

    def _shadowed(self, result: ShadowResult) -> None:
        """Pass the result of a shadow to the governor and the flags."""
        if self.governing is not None:
            self.governing.saw(result)
        shed = result.comparison is None and result.failed is None
        state = "shed" if shed else result.failed or "compared"
        self.tracing.shadowed(result.run_id, state, result.comparison)
        self.flags.compared(result.run_id, result.comparison)

    def unready(self, surface: str) -> str | None:
        """Return why runs of a surface are refused now; None: they are accepted."""
        return self.flags.unready(surface)

    async def drained(self, timeout_s: float) -> bool:
        """Wait until no run waits for its shadow; return False if that takes longer than `timeout_s`."""
        return await self.shadow.drain(timeout_s)

    def metrics(self) -> tuple[bytes, str]:
        """Return the metrics of all serving processes for a scraper, and their content type."""
        self.flags.status()
        return render(self._metrics.registry)


def _ramps(settings: MigrationSettings, metrics: Metrics) -> "RampGauges":
    from migration.rollout import RampGauges

    return RampGauges(settings, metrics)


def _neighbourhood(settings: MigrationSettings) -> Neighbourhood:
    """Return the recently served tenants and users, with canaries if there are synthetic tenants. Only canaries need a key."""
    if not settings.canary_tenants:
        return Neighbourhood()
    from migration.evidence import digest_key

    return Neighbourhood(Canaries(digest_key(settings)), settings.canary_tenants)
