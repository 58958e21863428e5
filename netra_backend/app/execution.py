"""The composition root: joins the backend's engines and the migration. The only module that imports both.

`compose` builds what the API runs on. `fresh_engine` builds one engine for a replay; its effects are answered from a journal.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from typing import Any, Final, NoReturn, Protocol

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from migration.effects import canary, perform, perform_now
from migration.errors import RecordedEffectError, UnknownSurfaceError
from migration.facade import ExecutionFacade
from migration.flags.launchdarkly import LaunchDarklyFlags
from migration.isolation import Canaries, Neighbourhood
from migration.model import Engine, Event, Origin, RunRecord, RunRequest
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowResult
from migration.stores import AdaptedScan, AdaptedStore, FinishedRuns, RunStores, Shape, StoredRun, ThreadReader
from migration.telemetry.exposition import render
from migration.telemetry.metrics import Metrics
from migration.telemetry.tracing import configure_tracing
from netra_backend.app import errors
from netra_backend.app.agents.supervisor.execution_engine_factory import FactoryLimits
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings, load_settings
from netra_backend.app.controls.batch import ControlBatch
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.controls.oneshot import ControlOneshot
from netra_backend.app.controls.tools import ControlTools
from netra_backend.app.lanes import Lanes
from netra_backend.app.services.llm.chat_model import ChatModel, ModelReply, ModelRequest, ToolSpec
from netra_backend.app.services.outside import Outside
from netra_backend.app.services.runs.databases import RunDatabases
from netra_backend.app.services.runs.finished_run import FinishedRun, finished_run
from netra_backend.app.services.runs.history import IncompleteThreadError
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import Clock, Ids, ToolCaller, World

Stream = Callable[[UserExecutionContext, Mapping[str, Any]], AsyncGenerator[bytes, None]]

_reply = msgspec.json.Decoder(ModelReply)
_json = msgspec.json.Decoder()
_encode = msgspec.json.encode


def recorded(world: World) -> World:
    """Return the same world with each port's calls put on record, or answered from one."""
    return World(
        model=RecordedModel(world.model), tools=RecordedTools(world.tools), clock=RecordedClock(world.clock), ids=RecordedIds(world.ids)
    )


class RecordedModel:
    """A `ChatModel` whose completions are effects."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        """Return the completion, or the recorded one. Raises what the model raised."""

        async def call() -> bytes:
            return _encode(await self._model.complete(request, lane=lane))

        return _reply.decode(await _asked(perform("model", request.model or "default", lane=lane, request=_encode(request), call=call)))


class RecordedTools:
    """A `ToolCaller` whose calls are effects."""

    def __init__(self, tools: ToolCaller) -> None:
        self._tools = tools

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the tool's answer, or the recorded one. Raises what the tool raised."""

        async def call() -> bytes:
            return _encode(await self._tools.call(context, name, arguments, lane=lane))

        request = _encode({"name": name, "arguments": arguments})
        return _json.decode(await _asked(perform("tool", name, lane=lane, request=request, call=call)))


class RecordedClock:
    """A `Clock` whose readings are effects."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self, *, lane: str) -> datetime:
        """Return the time, or the recorded one."""
        read = perform_now("clock", "now", lane=lane, request=b"{}", call=lambda: _encode(self._clock.now(lane=lane)))
        return msgspec.json.decode(read, type=datetime)


class RecordedIds:
    """An `Ids` whose ids are effects."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def new(self, purpose: str, /, *, lane: str) -> str:
        """Return a new id, or the recorded one."""
        made = perform_now("id", purpose, lane=lane, request=b"{}", call=lambda: _encode(self._ids.new(purpose, lane=lane)))
        return msgspec.json.decode(made, type=str)


#: Errors of the ports, by the name under which a journal keeps them.
_PORT_ERRORS: Mapping[str, type[errors.NetraError]] = {
    kind.__name__: kind for root in (errors.ModelError, errors.ToolError) for kind in (root, *root.__subclasses__())
}


async def _asked(reply: Awaitable[bytes]) -> bytes:
    """Return the reply; a recorded error is raised as the port's own."""
    try:
        return await reply
    except RecordedEffectError as error:
        if (kind := _PORT_ERRORS.get(error.error_type)) is None:
            raise
        raise kind(error.message) from None


class BackendEngine:
    """One of the backend's engines behind the migration's `Engine` seam.

    Args:
        stream: runs a request and yields its frames.
        clock: monotonic seconds.
    """

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield the run's frames as events, each with its lane."""
        started = self._clock()
        token = canary()
        context = UserExecutionContext(
            user_id=request.user_id,
            thread_id=request.thread_id,
            run_id=request.run_id,
            tenant_id=request.tenant_id,
            audit_metadata={} if token is None else {"canary": token},
        )
        lanes = Lanes()
        async with aclosing(self._stream(context, _json.decode(request.payload))) as frames:
            async for frame in frames:
                kind, lane = lanes.place(frame)
                yield Event(kind=kind, lane=lane, payload=frame, at_s=self._clock() - started)


def fresh_engine(surface: str, origin: Origin, /) -> Engine:
    """Return a new engine for a replay: it shares no state with any other, and its world is the journal alone.

    Raises:
        UnknownSurfaceError: the backend has no such surface.
    """
    _check_surfaces([surface])
    world, tools = recorded(World(model=_NOWHERE, tools=_NOWHERE, clock=_NOWHERE, ids=_NOWHERE)), default_registry().specs()
    if origin is Origin.CONTROL:
        return BackendEngine(CONTROLS[surface](world, tools).stream)
    return BackendEngine(CANDIDATES[surface](Candidate(world, tools)))


class _Nowhere:
    """The outside of a replay. A journal answers every effect, so to get here is an error of the replay itself."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError("a replay tried to reach the outside; its journal must answer every effect")

    complete = call = now = new = _refuse


_NOWHERE: Any = _Nowhere()


class Control(Protocol):
    """A legacy engine as a stream of frames."""

    def stream(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Run the request and yield its frames."""
        ...

    async def aclose(self) -> None:
        """Stop what still runs."""
        ...


#: The control engine of each surface. Removal deletes a row here and the module that it names.
CONTROLS: Mapping[str, Callable[[World, Sequence[ToolSpec]], Control]] = {
    "chat": ControlChat,
    "oneshot": ControlOneshot,
    "batch": ControlBatch,
    "tools": ControlTools,
}

#: What of the candidate serves each surface. There is one candidate, so that its limits hold over all surfaces together.
CANDIDATES: Mapping[str, Callable[[Candidate], Stream]] = {
    "chat": lambda candidate: candidate.stream,
    "oneshot": lambda candidate: candidate.run_agent,
    "batch": lambda candidate: candidate.run_agent,
    "tools": lambda candidate: candidate.call_tool,
}


def _neighbourhood(migration: MigrationSettings) -> Neighbourhood:
    """Return who is served by this process, with canaries for synthetic tenants when there are any: only these need the key."""
    if not migration.canary_tenants:
        return Neighbourhood()
    from migration.evidence import digest_key

    return Neighbourhood(Canaries(digest_key(migration)), migration.canary_tenants)


def _check_surfaces(surfaces: Iterable[str]) -> None:
    for surface in surfaces:
        if surface not in CONTROLS:
            raise UnknownSurfaceError(surface, CONTROLS)


def _stored(run: FinishedRun) -> StoredRun:
    return StoredRun(
        surface=run.surface,
        tenant_id=run.tenant_id,
        user_id=run.user_id,
        thread_id=run.thread_id,
        run_id=run.run_id,
        started_at=run.started_at,
        body=_encode(run),
    )


def _finished(record: RunRecord) -> StoredRun:
    """Return what is kept of a run."""
    frames = ((event.kind, event.payload) for event in record.events)
    engine = "legacy" if record.origin is Origin.CONTROL else "user"
    payload = _json.decode(record.request.payload)
    return _stored(finished_run(record.request, payload, frames, engine=engine, outcome=record.outcome, duration_s=record.duration_s))


_finished_run = msgspec.json.Decoder(FinishedRun)
_RUNS: Final = Shape(
    encode=_stored,
    decode=lambda run: _finished_run.decode(run.body),
    unavailable=errors.RunStoreUnavailableError,
    refused=errors.RunRefusedError,
)


def _run_stores(databases: RunDatabases) -> RunStores:
    return RunStores(
        stores={"legacy": AdaptedStore(databases.legacy, _RUNS), "user": AdaptedStore(databases.user, _RUNS)},
        scans={"legacy": AdaptedScan(databases.legacy, _RUNS), "user": AdaptedScan(databases.user_scan, _RUNS)},
    )


@asynccontextmanager
async def open_run_stores(settings: Settings | None = None) -> AsyncIterator[RunStores]:
    """Open the run stores as the settings say, for `netra-migration backfill`. None: they come from the environment.

    Raises:
        SettingsError: a setting of the backend cannot be used.
    """
    databases = RunDatabases(settings or load_settings())
    try:
        yield _run_stores(databases)
    finally:
        await databases.aclose()


class PlannedThreads:
    """The backend's `ThreadRuns`: reads a thread from whichever stores its plans name."""

    def __init__(self, reader: ThreadReader) -> None:
        self._reader = reader

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first.

        Raises:
            IncompleteThreadError: a store that may hold more does not answer; it has those that are known.
        """
        view = await self._reader.thread(tenant_id, user_id, thread_id)
        runs = [_finished_run.decode(run.body) for run in view.runs]
        if not view.complete:
            raise IncompleteThreadError(runs)
        return runs


class BackendExecution:
    """What the API runs on: for each surface a facade with both engines behind it.

    Args:
        settings: of the backend.
        migration: of the migration.
        registry: of the metrics; a process has one, tests have one each.

    Raises:
        UnknownSurfaceError: the migration names a surface that the backend does not have.
    """

    def __init__(self, settings: Settings, migration: MigrationSettings, registry: CollectorRegistry = REGISTRY) -> None:
        _check_surfaces(migration.surfaces)
        self._metrics = Metrics(watch_tenants=migration.watch_tenants, registry=registry, surfaces=migration.surfaces)
        self.spans = configure_tracing(migration, "netra-backend", self._metrics)
        self._outside = Outside(settings)
        self._flags = LaunchDarklyFlags(migration, self._metrics)
        self._shadow = ProcessShadow(migration, self._metrics, self._compared)
        self._databases = RunDatabases(settings)
        stores = _run_stores(self._databases).stores
        self._runs = FinishedRuns(migration, stores=stores, finish=_finished, plan=self._flags.plan, metrics=self._metrics)
        self.threads = PlannedThreads(self._runs.threads)
        limits = FactoryLimits(engines_per_user=settings.engines_per_user, engines=settings.max_engines, idle_age_s=settings.engine_idle_s)
        world, tools = recorded(self._outside.world), self._outside.registry.specs()
        self._candidate = Candidate(world, tools, limits=limits)
        self._controls = {surface: CONTROLS[surface](world, tools) for surface in migration.surfaces}
        neighbourhood = _neighbourhood(migration)
        self._facades = {
            surface: ExecutionFacade(
                surface=surface,
                engines={
                    Origin.CONTROL: BackendEngine(self._controls[surface].stream),
                    Origin.CANDIDATE: BackendEngine(CANDIDATES[surface](self._candidate)),
                },
                flags=self._flags,
                shadow=self._shadow,
                metrics=self._metrics,
                shadow_deadline_s=migration.shadow_deadline_s,
                neighbourhood=neighbourhood,
                writer=self._runs.writer,
                tombstones=self._runs.tombstones,
            )
            for surface in migration.surfaces
        }

    async def start(self) -> None:
        """Start the shadow worker, and deliver what finished runs are still owed."""
        await self._shadow.start()
        self._runs.start()

    async def aclose(self) -> None:
        """Stop the engines, give waiting shadows a moment, and close everything."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._outside.aclose)
            closing.push_async_callback(self._databases.aclose)
            closing.push_async_callback(self._runs.aclose)
            closing.callback(self._flags.close)
            closing.push_async_callback(self._shadow.aclose)
            closing.push_async_callback(self._shadow.drain, _DRAIN_S)
            closing.push_async_callback(self._candidate.aclose)
            for control in self._controls.values():
                closing.push_async_callback(control.aclose)

    async def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        """Yield the run's frames, of whichever engine the flags name. Closing the generator stops the work."""
        request = RunRequest(
            surface=surface,
            tenant_id=context.tenant_id,
            user_id=context.user_id,
            thread_id=context.thread_id,
            run_id=context.run_id,
            payload=_encode(payload),
            received_at=time.time(),
        )
        async with aclosing(self._facades[surface].run(request)) as events:
            async for event in events:
                yield event.payload

    def metrics(self) -> tuple[bytes, str]:
        """Return the metrics of all server processes, and their content type."""
        self._flags.status()
        return render(self._metrics.registry)

    def ready(self) -> Mapping[str, str]:
        """Return each component's state. Without flags or worker chats are served all the same, so neither makes it unready."""
        return dict.fromkeys(self._facades, "ok")

    def _compared(self, result: ShadowResult) -> None:
        self._flags.compared(result.run_id, result.comparison)


#: Seconds that shadows under way have at shutdown; what is left is counted as failed, "closed".
_DRAIN_S: Final = 2.0


def compose(settings: Settings) -> BackendExecution:
    """Return what the API runs on, with the migration's settings from the environment.

    Raises:
        SettingsError: a setting of the backend cannot be used.
        UnknownSurfaceError: NETRA_MIGRATION_SURFACES names one that the backend does not have.
        pydantic.ValidationError: a NETRA_MIGRATION_* variable cannot be used.
    """
    return BackendExecution(settings, MigrationSettings())
