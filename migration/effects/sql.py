"""A port for SQLAlchemy: `engine = read_port(create_engine(url))`; `create_async_engine` works too.

Each read through this engine is an effect.

Sessions, the ORM and Core are used as before. The record contains statement, parameters and rows in the driver's form; a replay makes its
objects from them. A replay has no connection: writes are refused there, and counted. If a database function writes, call it in a function
with `migration.effects.effect`, even if its statement looks like a read.
"""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, NullPool, Pool, PoolProxiedConnection, event
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only, greenlet_spawn

from migration.effects.journals.advice import port_for
from migration.effects.journals.replaying import is_replayed
from migration.effects.journals.sql_record import answered, asked, read_back
from migration.effects.lanes import current_lane
from migration.effects.ports import is_recorded, perform, perform_now
from migration.errors import EffectMissingError, RecordedEffectError

__all__ = ["read_port"]

_AnyEngine = TypeVar("_AnyEngine", Engine, AsyncEngine)
_SPACE: Final = r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*"
_READS: Final = re.compile(_SPACE + r"(?:select|values|show|with(?!.*\b(?:insert|update|delete|merge)\b))\b", re.IGNORECASE | re.DOTALL)
_TRANSACTION: Final = re.compile(_SPACE + r"(?:begin|start|commit|rollback|savepoint|release|set)\b", re.IGNORECASE | re.DOTALL)


def read_port(engine: _AnyEngine, *, name: str = "database", lane: str | None = None) -> _AnyEngine:
    """Return the engine. From here on its reads are effects, whether by connections, sessions or the ORM.

    A read is a statement that begins with SELECT, VALUES or SHOW, or with WITH if it changes nothing. Its rows are fetched at once.
    Streamed results (`stream`, `stream_results`) and writes have no port: a replay refuses both.

    Args:
        engine: an engine of SQLAlchemy, sync or async.
        name: reads are recorded as calls of a tool with this name, which can be listed under `read_only` of the surface's `[tools]`.
        lane: the lane that asks; None: the lane of the context.
    """
    plain = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    port = _Port(name, lane, awaits=plain.dialect.is_async)
    event.listen(plain, "do_execute", port.execute)
    event.listen(plain, "do_execute_no_params", lambda cursor, statement, context: port.execute(cursor, statement, (), context))
    event.listen(plain, "do_executemany", port.refuse_many)
    event.listen(plain, "engine_disposed", lambda disposed: _switch(disposed.pool))
    _switch(plain.pool)
    return engine


class _Port:
    """Listens where SQLAlchemy passes statements to the driver. Its methods return whether they handled the statement."""

    def __init__(self, name: str, lane: str | None, *, awaits: bool) -> None:
        self._name, self._lane, self._awaits = name, lane, awaits

    def execute(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's
        """Perform a read, or answer it from the record."""
        if not is_recorded():
            return False
        if not _READS.match(statement) or context._is_server_side:  # noqa: SLF001 - nothing public says it
            return is_replayed() and (_TRANSACTION.match(statement) is not None or self._refuse("database.write"))
        real: list[Sequence[Any]] = []

        def read() -> bytes:
            if isinstance(cursor, _Nothing):
                raise EffectMissingError("tool", self._name, self._whose, "a replay has no connection to read by")
            context.dialect.do_execute(cursor, statement, parameters, context)
            real.append(cursor.fetchall() if cursor.description else ())
            return answered(cursor.description, real[0])

        try:
            reply = self._performed(asked(self._name, statement, parameters), read)
        except RecordedEffectError as error:
            raise _own(error, context.dialect.loaded_dbapi) from None
        description, rows = (None, real[0]) if real else read_back(reply)
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, description, rows)
        return True

    def refuse_many(self, _cursor: Any, _statement: str, _parameters: Any, _context: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's
        """Let a statement that writes many rows at once pass, but not in a replay."""
        return is_replayed() and self._refuse("database.write")

    @property
    def _whose(self) -> str:
        return current_lane() if self._lane is None else self._lane

    def _performed(self, request: bytes, read: Callable[[], bytes]) -> bytes:
        if not self._awaits:
            return perform_now("tool", self._name, request=request, call=read, lane=self._lane)

        async def call() -> bytes:
            return await greenlet_spawn(read)

        # Awaited, so that a replay takes the recorded time.
        return await_only(perform("tool", self._name, request=request, call=call, lane=self._lane))

    def _refuse(self, contact: str) -> bool:
        sys.audit(contact)  # in a shadow, this is refused and counted
        raise EffectMissingError("tool", self._name, self._whose, f"a shadow performs no effect; {port_for(contact)}")


class _Nothing:
    """The connection of a replay, and its cursor. It reaches no database: only effects with a port get an answer."""

    description, rowcount, lastrowid, arraysize = None, -1, None, 1

    def cursor(self, *_: Any, **__: Any) -> "_Nothing":  # noqa: ANN401 - as a driver's
        return self

    def execute(self, *_: Any) -> None:  # noqa: ANN401 - as a driver's
        sys.audit("database.write")

    executemany = execute

    def fetchall(self) -> Sequence[Any]:
        return ()

    def close(self) -> None:
        """Leave the block."""

    commit = rollback = close

    async def _async_soft_close(self) -> None:
        """Leave the block: async results of SQLAlchemy call this."""


def _switch(pool: Pool) -> None:
    """Make a pool return dummy connections in replays. Its real connections belong to another loop and thread, and reach the outside."""
    connect, nowhere = pool.connect, NullPool(_Nothing, reset_on_return=None)  # type: ignore[arg-type]  # no driver's

    def chosen() -> PoolProxiedConnection:
        return nowhere.connect() if is_replayed() else connect()

    pool.connect = chosen  # type: ignore[method-assign]  # of this pool alone


def _own(error: RecordedEffectError, driver: Any) -> Exception:  # noqa: ANN401 - a module
    """Return the driver's own exception of the recorded name, if it has one; SQLAlchemy turns it into one of its own."""
    kind = getattr(driver, error.error_type, None)
    return kind(error.message) if isinstance(kind, type) and issubclass(kind, Exception) else error
