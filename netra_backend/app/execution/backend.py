"""`BackendExecution`: what the API runs on while surfaces are being migrated."""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final, Protocol

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from migration.composition import check_configuration
from migration.effects.logs import tape_served_logs
from migration.errors import ConfigurationError, OutboxError, UnknownSurfaceError
from migration.evidence import EvidenceStore
from migration.facade import ExecutionFacade
from migration.flags.serving import LaunchDarklyFlags
from migration.isolation import Canaries, Neighbourhood
from migration.model import Origin, RunRequest
from migration.processes.heartbeat import Heartbeat
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowResult
from migration.stores import FinishedRuns, StoresDatabase
from migration.telemetry import multiprocess
from migration.telemetry.exposition import render
from migration.telemetry.metrics import Metrics
from migration.telemetry.tracing import configure_tracing, deliver_spans
from migration.variables import described
from netra_backend.app import serving
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings
from netra_backend.app.errors import NotReadyError, RunStoreUnavailableError, SettingsError
from netra_backend.app.execution.engines import CONTROLS, BackendEngine, check_surfaces
from netra_backend.app.execution.recorded_ports import recorded
from netra_backend.app.execution.run_stores import PlannedThreads, finished, run_stores
from netra_backend.app.metrics import RunMetrics
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.outside import Outside
from netra_backend.app.services.runs.databases import RunDatabases
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES, DirectRuns, factory_limits

logger = logging.getLogger(__name__)
_encode: Final = msgspec.json.encode


def _neighbourhood(migration: MigrationSettings) -> Neighbourhood:
    """Return who is served by this process, with canaries for synthetic tenants when there are any: only these need the key."""
    if not migration.canary_tenants:
        return Neighbourhood()
    from migration.evidence import digest_key

    return Neighbourhood(Canaries(digest_key(migration)), migration.canary_tenants)


def _started_by_default(settings: Settings, migration: MigrationSettings) -> MigrationSettings:
    """Return the settings with what a developer's first `netra serve` needs where nothing else is said: a start without flags.

    A flag file that is there is waited for until it can be read: its tenants may be at `complete`, where control must not serve.
    """
    if settings.environment != "development" or migration.start_without_flags is not None:
        return migration
    if migration.flags_source == "file" and os.path.lexists(migration.path(migration.flags_file)):
        return migration
    return msgspec.structs.replace(migration, start_without_flags="off")


class BackendExecution:
    """What the API runs on: a facade with both engines behind it for each surface that is being migrated; the candidate alone for the rest.

    Args:
        settings: of the backend.
        migration: of the migration.
        registry: of the metrics; a process has one, tests have one each.

    Raises:
        UnknownSurfaceError: the migration names a surface that the backend does not have.
        ConfigurationError: the configuration of a surface is missing or not valid; the message names the line.
    """

    def __init__(self, settings: Settings, migration: MigrationSettings, registry: CollectorRegistry = REGISTRY) -> None:
        check_surfaces(migration.surfaces)
        check_configuration(migration)
        migration = _started_by_default(settings, migration)
        multiprocess.begin()
        self._tenant_claims = migration.tenant_claims
        self._migrating = tuple(surface for surface in migration.surfaces if surface in CONTROLS)
        self._metrics = Metrics(watch_tenants=migration.watch_tenants, registry=registry, surfaces=migration.surfaces)
        self.spans = configure_tracing(migration, "netra-backend", self._metrics.failures.labels("telemetry.export").inc)
        self._outside = Outside(settings)
        self._flags = LaunchDarklyFlags(migration, self._metrics)
        self._shadow = ProcessShadow(migration, self._metrics, self._compared)
        self._under_way = Counter[str]()
        self._heartbeat = Heartbeat(
            migration, self._flags, self._metrics, runs=lambda: self._under_way, shadow=self._shadow, attributes=self._flags.attributes
        )
        self._databases = RunDatabases(settings)
        stores = run_stores(self._databases, settings).stores
        self._runs = FinishedRuns(migration, stores=stores, finish=finished, plan=self._flags.plan, metrics=self._metrics)
        done = SURFACES.keys() - CONTROLS.keys()
        self.threads = PlannedThreads(self._runs.threads, self._databases.user if done else None)
        world, tools = recorded(self._outside.world), self._outside.registry.specs()
        self._candidate = Candidate(world, tools, limits=factory_limits(settings))
        self._direct = DirectRuns(self._candidate, self._databases.user, RunMetrics(registry))
        self._controls = {surface: CONTROLS[surface](world, tools) for surface in self._migrating}
        neighbourhood = _neighbourhood(migration)
        self._facades = {
            surface: ExecutionFacade(
                surface=surface,
                engines={
                    Origin.CONTROL: BackendEngine(self._controls[surface].stream),
                    Origin.CANDIDATE: BackendEngine(SURFACES[surface](self._candidate)),
                },
                flags=self._flags,
                shadow=self._shadow,
                metrics=self._metrics,
                shadow_deadline_s=migration.shadow_deadline_s,
                neighbourhood=neighbourhood,
                writer=self._runs.writer,
                tombstones=self._runs.tombstones,
            )
            for surface in self._migrating
        }

    async def start(self) -> None:
        """Start the shadow worker, deliver what finished runs are still owed, tape what runs log, and be known."""
        tape_served_logs()
        await self._shadow.start()
        self._runs.start()
        self._heartbeat.start()

    async def aclose(self) -> None:
        """Stop the engines, give waiting shadows a moment, and close everything."""
        async with AsyncExitStack() as closing:
            closing.callback(multiprocess.end)
            # Late, so that the spans of all the rest are among them.
            closing.push_async_callback(asyncio.to_thread, deliver_spans, _DELIVERY_S)
            closing.push_async_callback(self._outside.aclose)
            closing.push_async_callback(self._databases.aclose)
            closing.push_async_callback(self._runs.aclose)
            closing.push_async_callback(self._direct.aclose)
            closing.callback(self._flags.close)
            closing.push_async_callback(asyncio.to_thread, self._heartbeat.stop)
            closing.push_async_callback(self._shadow.aclose)
            closing.push_async_callback(self._shadow.drain, _DRAIN_S)
            closing.push_async_callback(self._candidate.aclose)
            for control in self._controls.values():
                closing.push_async_callback(control.aclose)

    def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        """Return the run's frames, of whichever engine the flags name. Closing the generator stops the work.

        Raises:
            UnknownSurfaceError: NETRA_MIGRATION_SURFACES leaves the surface out, though its control is still here.
        """
        if surface not in CONTROLS:
            return self._direct.stream(surface, context, payload)
        if surface not in self._facades:
            raise UnknownSurfaceError(surface, self._facades)
        return self._planned(surface, context, payload)

    async def _planned(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        if (why := self._flags.unready(surface)) is not None:
            logger.warning("a run on %s was refused: %s", surface, why)
            raise NotReadyError(surface)
        request = RunRequest(
            surface=surface,
            tenant_id=context.tenant_id,
            user_id=context.user_id,
            thread_id=context.thread_id,
            run_id=context.run_id,
            payload=_encode(payload),
            received_at=time.time(),
            attributes=self._attributes(context),
        )
        self._heartbeat.saw(request.tenant_id, request.attributes)
        self._under_way[surface] += 1
        try:
            async with aclosing(self._facades[surface].run(request, context.ending)) as events:
                async for event in events:
                    yield event.payload
        except OutboxError as error:
            raise RunStoreUnavailableError("the run ended and could not be kept; see to the run stores and the outbox") from error
        finally:
            self._under_way[surface] -= 1

    def metrics(self) -> tuple[bytes, str]:
        """Return the metrics of all server processes, and their content type."""
        self._flags.status()
        return render(self._metrics.registry)

    def ready(self) -> Mapping[str, str]:
        """Return each component's state. Without a worker chats are served all the same; while no flags are known they are not."""
        done = dict.fromkeys((surface for surface in SURFACES if surface not in CONTROLS), "ok")
        return {surface: self._flags.unready(surface) or "ok" for surface in self._facades} | done

    def _attributes(self, context: UserExecutionContext) -> bytes:
        """Return the claims of the user's token that rules of flags may look at, as a JSON object; b"": none."""
        allowed = {name: context.claims[name] for name in self._tenant_claims if name in context.claims}
        return _encode(allowed, enc_hook=dict) if allowed else b""

    def _compared(self, result: ShadowResult) -> None:
        self._flags.compared(result.run_id, result.comparison)


#: Seconds that shadows under way have at shutdown; what is left is counted as failed, "closed".
_DRAIN_S: Final = 2.0
#: Seconds that a collector has for the last spans.
_DELIVERY_S: Final = 5.0


def check_settings(settings: Settings) -> tuple[str, ...]:
    """See that everything can be composed of these settings, and return the variables that the migration's are read from.

    Raises:
        SettingsError: a setting cannot be used; the message names its variable.
    """
    serving.check_settings(settings)
    open_engine(settings.legacy_runs_url, setting="NETRA_LEGACY_RUNS_URL")
    try:
        migration = MigrationSettings()
        check_surfaces(migration.surfaces)
        check_configuration(migration)
        _closed("NETRA_MIGRATION_STORES_URL", lambda: StoresDatabase(migration.outbox()))
        _closed("NETRA_MIGRATION_EVIDENCE_URL", lambda: EvidenceStore.for_writing(migration))
    except UnknownSurfaceError as error:
        raise SettingsError(f"NETRA_MIGRATION_SURFACES: {error}") from None
    except ConfigurationError as error:
        raise SettingsError(str(error)) from None
    return tuple(setting.variable for setting in described(MigrationSettings))


class _Closable(Protocol):
    def close(self) -> None: ...


def _closed(setting: str, opened: Callable[[], _Closable]) -> None:
    try:
        opened().close()
    except ConfigurationError as error:
        raise SettingsError(f"{setting}: {error}") from None


def compose(settings: Settings) -> BackendExecution:
    """Return what the API runs on, with the migration's settings from the environment.

    Raises:
        SettingsError: a setting of the backend cannot be used.
        UnknownSurfaceError: NETRA_MIGRATION_SURFACES names one that the backend does not have.
        ConfigurationError: a NETRA_MIGRATION_* variable cannot be used.
    """
    return BackendExecution(settings, MigrationSettings())
