"""`BackendExecution`: executes the API's requests while surfaces are being migrated."""

import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final, Protocol

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from migration import KeptRuns, MigrationSettings, Origin, RunRequest
from migration import compose as composed
from migration.composition import check_configuration
from migration.errors import ConfigurationError, OutboxError, UnknownSurfaceError
from migration.errors import NotReadyError as NoFlagsError
from migration.evidence import EvidenceStore
from migration.stores import StoresDatabase
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


def _started_by_default(settings: Settings, migration: MigrationSettings) -> MigrationSettings:
    """In development, let the backend start without flags unless a setting says otherwise: a developer's first `netra serve` has none.

    If a flag file exists, the start waits until it can be read: its tenants may be at `complete`, where control must not serve.
    """
    if settings.environment != "development" or migration.start_without_flags is not None:
        return migration
    if migration.flags_source == "file" and os.path.lexists(migration.path(migration.flags_file)):
        return migration
    return msgspec.structs.replace(migration, start_without_flags="off")


class BackendExecution:
    """The object that serves the API: a facade with both engines for each surface that is being migrated; only the candidate for the rest.

    Args:
        settings: the settings of the backend.
        migration: the settings of the migration.
        registry: the registry of the metrics; one for each process, in tests one for each test.

    Raises:
        UnknownSurfaceError: the migration names a surface that the backend does not have.
        ConfigurationError: the configuration of a surface is missing or not valid; the message names the line.
    """

    def __init__(self, settings: Settings, migration: MigrationSettings, registry: CollectorRegistry = REGISTRY) -> None:
        check_surfaces(migration.surfaces)
        migration = _started_by_default(settings, migration)
        self._tenant_claims = migration.tenant_claims
        self._outside = Outside(settings)
        self._databases = RunDatabases(settings)
        world, tools = recorded(self._outside.world), self._outside.registry.specs()
        self._candidate = Candidate(world, tools, limits=factory_limits(settings))
        self._controls = {surface: CONTROLS[surface](world, tools) for surface in migration.surfaces if surface in CONTROLS}
        self._migration = composed(
            migration,
            engines={
                surface: {
                    Origin.CONTROL: BackendEngine(control.stream),
                    Origin.CANDIDATE: BackendEngine(SURFACES[surface](self._candidate)),
                }
                for surface, control in self._controls.items()
            },
            runs=KeptRuns(stores=run_stores(self._databases, settings).stores, finish=finished),
            registry=registry,
            service="netra-backend",
        )
        self._direct = DirectRuns(self._candidate, self._databases.user, RunMetrics(registry))
        self.spans = self._migration.tracing.ring
        done = SURFACES.keys() - CONTROLS.keys()
        self.threads = PlannedThreads(self._migration.threads, self._databases.user if done else None)

    async def start(self) -> None:
        """Start the shadow worker, the delivery of the outbox, the recording of log lines, and the heartbeat of this process."""
        await self._migration.start()

    async def aclose(self) -> None:
        """Stop the engines, give waiting shadows a short time to end, and close everything."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._outside.aclose)
            closing.push_async_callback(self._databases.aclose)
            closing.push_async_callback(self._direct.aclose)
            closing.push_async_callback(self._migration.aclose)
            closing.push_async_callback(self._candidate.aclose)
            for control in self._controls.values():
                closing.push_async_callback(control.aclose)

    def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        """Return the run's frames, from the engine that the flags name. Closing the generator stops the work.

        Raises:
            UnknownSurfaceError: NETRA_MIGRATION_SURFACES does not name the surface, although its control still exists.
        """
        if surface not in CONTROLS:
            return self._direct.stream(surface, context, payload)
        if surface not in self._migration.surfaces:
            raise UnknownSurfaceError(surface, self._migration.surfaces)
        return self._planned(surface, context, payload)

    async def _planned(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
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
        try:
            async with aclosing(self._migration.serve(request, context.ending)) as events:
                async for event in events:
                    yield event.payload
        except NoFlagsError as error:
            logger.warning("a run on %s was refused: %s", surface, error.why)
            raise NotReadyError(surface) from None
        except OutboxError as error:
            raise RunStoreUnavailableError("the run ended and could not be stored; check the run stores and the outbox") from error

    def metrics(self) -> tuple[bytes, str]:
        """Return the metrics of all server processes, and their content type."""
        return self._migration.metrics()

    def ready(self) -> Mapping[str, str]:
        """Return each component's state. A surface can be ready without a worker, but not without flags."""
        done = dict.fromkeys((surface for surface in SURFACES if surface not in CONTROLS), "ok")
        return {surface: self._migration.unready(surface) or "ok" for surface in self._migration.surfaces} | done

    def _attributes(self, context: UserExecutionContext) -> bytes:
        """Return the claims of the user's token that rules of flags may read, as a JSON object; b"": none."""
        allowed = {name: context.claims[name] for name in self._tenant_claims if name in context.claims}
        return _encode(allowed, enc_hook=dict) if allowed else b""


def check_settings(settings: Settings) -> tuple[str, ...]:
    """Check that everything can be composed from these settings, and return the variables that contain the migration's settings.

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
    """Return the object that executes the API's requests, with the migration's settings from the environment.

    Raises:
        SettingsError: a setting of the backend cannot be used.
        UnknownSurfaceError: NETRA_MIGRATION_SURFACES names a surface that the backend does not have.
        ConfigurationError: a NETRA_MIGRATION_* variable cannot be used.
    """
    return BackendExecution(settings, MigrationSettings())
