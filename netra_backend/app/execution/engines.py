"""Both engines of each surface as the migration's `Engine`, and new ones for replays."""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, NoReturn, Protocol

import msgspec

from migration import Engine, Event, Origin, RunRequest
from migration.effects import canary, run_ended
from migration.errors import UnknownSurfaceError
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings, load_settings
from netra_backend.app.controls.batch import ControlBatch
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.controls.oneshot import ControlOneshot
from netra_backend.app.controls.tools import ControlTools
from netra_backend.app.execution.read_only_tools import ReadOnlyTools
from netra_backend.app.execution.recorded_ports import recorded
from netra_backend.app.lanes import Lanes
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.runs.ending import RunEnding
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES, Stream
from netra_backend.app.world import ToolCaller, World

_json: Final = msgspec.json.Decoder()


class BackendEngine:
    """One of the backend's engines as the migration's `Engine`.

    Args:
        stream: runs a request and yields its frames.
        clock: monotonic seconds.
    """

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield the run's frames as events, each with its lane; set the run's outcome at the end."""
        started = self._clock()
        token = canary()
        context = UserExecutionContext(
            user_id=request.user_id,
            thread_id=request.thread_id,
            run_id=request.run_id,
            request_id=request.run_id,  # a new id would cost a system call, and say less
            tenant_id=request.tenant_id,
            audit_metadata={} if token is None else {"canary": token},
        )
        lanes, ending = Lanes(), RunEnding()
        try:
            async with aclosing(self._stream(context, _json.decode(request.payload))) as frames:
                async for frame in frames:
                    kind, lane = lanes.place(frame)
                    ending.note(kind, frame)
                    yield Event(kind=kind, lane=lane, payload=frame, at_s=self._clock() - started)
        except Exception as error:
            run_ended(ending.broken_off(error))
            raise
        run_ended(ending.finished())


def fresh_engine(surface: str, origin: Origin, /) -> Engine:
    """Return a new engine for a replay; it shares no state with other engines, and the journal alone answers its effects.

    Raises:
        UnknownSurfaceError: the backend has no such surface, or the surface's control has been removed.
    """
    return _replayed(surface, origin, _NOWHERE)


class ReadingEngines:
    """New engines for replays under the miss policy `allow`. They can reach nothing outside except the read-only tools.

    Args:
        settings: name the database that the tools read; None: the settings of the environment.

    Raises:
        SettingsError: a setting of the backend cannot be used.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._tools = ReadOnlyTools(settings or load_settings())
        self.read_only = frozenset(self._tools.names)

    def __call__(self, surface: str, origin: Origin, /) -> Engine:
        """Return a new engine; see `fresh_engine`."""
        return _replayed(surface, origin, self._tools.caller)

    async def aclose(self) -> None:
        """Close the resources that the tools opened, on the event loop on which they were called."""
        await self._tools.aclose()


def _replayed(surface: str, origin: Origin, caller: ToolCaller) -> Engine:
    check_surfaces([surface])
    world, tools = recorded(World(model=_NOWHERE, tools=caller, clock=_NOWHERE, ids=_NOWHERE)), default_registry().specs()
    if origin is Origin.CONTROL:
        if surface not in CONTROLS:
            raise UnknownSurfaceError(surface, CONTROLS)
        return BackendEngine(CONTROLS[surface](world, tools).stream)
    return BackendEngine(SURFACES[surface](Candidate(world, tools)))


class _Nowhere:
    """The outside of a replay. A journal answers every effect, so a call of this object is a defect of the replay itself."""

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
        """Stop all current runs."""
        ...


#: The control engine of each surface. Removing a control deletes its row here and the module that the row names.
CONTROLS: Mapping[str, Callable[[World, Sequence[ToolSpec]], Control]] = {
    "chat": ControlChat,
    "oneshot": ControlOneshot,
    "batch": ControlBatch,
    "tools": ControlTools,
}


def check_surfaces(surfaces: Iterable[str]) -> None:
    """Refuse a surface that the backend does not have. Raises UnknownSurfaceError."""
    for surface in surfaces:
        if surface not in SURFACES:
            raise UnknownSurfaceError(surface, SURFACES)
