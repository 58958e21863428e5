"""`ExecutionEngineFactory`: makes `UserExecutionEngine`s within limits, and closes unused ones. The application owns it."""

import asyncio
import contextvars
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from netra_backend.app.agents.supervisor.agent_factory import AgentFactory
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.errors import CapacityError, ExecutionEngineFactoryError, UserLimitExceededError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.emitters import EmitterSource

logger = logging.getLogger(__name__)

UserKey = tuple[str, str]
"""Tenant and user: user ids are unique within a tenant only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoryLimits:
    """The limits on the number of engines and their lifetime."""

    engines_per_user: int = 2
    engines: int = 1000  #: engines of all users together
    idle_age_s: float = 300.0  #: an engine that was idle for this long is closed
    sweep_every_s: float = 60.0


class ExecutionEngineFactory:
    """Makes engines for users.

    Args:
        websocket_bridge: finds the listener of a context's events.
        agent_factory: makes the engines' agents and tools.
        limits: how many engines may exist, and for how long.
        clock: monotonic seconds.
        sleep: waits between two sweeps.

    Raises (at construction):
        ExecutionEngineFactoryError: the bridge is missing.
    """

    def __init__(
        self,
        websocket_bridge: EmitterSource | None,
        agent_factory: AgentFactory,
        *,
        limits: FactoryLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if websocket_bridge is None:
            raise ExecutionEngineFactoryError("no websocket bridge was given, so users would never see an event; pass one")
        self._bridge = websocket_bridge
        self._agents = agent_factory
        self.limits = limits or FactoryLimits()
        self._clock = clock
        self._sleep = sleep
        self._engines: dict[str, UserExecutionEngine] = {}
        self._per_user: Counter[UserKey] = Counter()
        self._counts: Counter[str] = Counter()
        self._sweeper: asyncio.Task[None] | None = None
        self._shut_down = False

    async def create_for_user(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return a new engine for this context. Give it back with `cleanup_engine`.

        Raises:
            ExecutionEngineFactoryError: the factory was shut down.
            UserLimitExceededError: the user has as many engines as allowed.
            CapacityError: all users together have as many engines as allowed.
            ForeignContextError: this context has no listener.
        """
        # Nothing is awaited between the check and the entry, so that simultaneous creations cannot pass the limit.
        user = _key(context)
        self._check_limits(user)
        engine = UserExecutionEngine(context, self._agents, self._bridge.emitter_for(context), clock=self._clock)
        self._engines[engine.engine_id] = engine
        self._per_user[user] += 1
        self._counts["engines_created"] += 1
        if self._sweeper is None:
            # The context is empty: the sweeper outlives the request that starts it, and must not keep that request's context variables.
            self._sweeper = asyncio.create_task(self._sweep_for_ever(), context=contextvars.Context())
        return engine

    @asynccontextmanager
    async def user_execution_scope(self, context: UserExecutionContext) -> AsyncGenerator[UserExecutionEngine, None]:
        """Yield an engine, and close it after the block.

        Raises:
            ExecutionEngineFactoryError, UserLimitExceededError, CapacityError, ForeignContextError: as `create_for_user`.
        """
        engine = await self.create_for_user(context)
        try:
            yield engine
        finally:
            await self.cleanup_engine(engine)

    async def cleanup_engine(self, engine: UserExecutionEngine) -> bool:
        """Close the engine and free its place. Returns False when this engine had already been closed."""
        if engine.engine_id not in self._engines:
            return False
        try:
            await engine.cleanup()
        except Exception as error:  # noqa: BLE001 - an engine that cannot be closed must not keep its place
            self._counts["cleanup_failures"] += 1
            logger.error("engine not closed", extra={"engine_id": engine.engine_id, "error_type": type(error).__name__})  # noqa: TRY400 - a traceback would quote messages
        finally:
            freed = self._free(engine)
        return freed

    async def cleanup_user_context(self, user_id: str, *, tenant_id: str | None = None) -> int:
        """Close all engines of this user, and return their number.

        Args:
            user_id: the user.
            tenant_id: the user's tenant; None: users of this id in every tenant.
        """
        return await self._close_all(
            [
                engine
                for engine in self._engines.values()
                if engine.context.user_id == user_id and tenant_id in {None, engine.context.tenant_id}
            ]
        )

    async def sweep(self) -> int:
        """Close the engines that were idle too long, and return their number. A busy one is never closed."""
        idle = [engine for engine in self._engines.values() if not engine.is_busy() and engine.idle_s() >= self.limits.idle_age_s]
        closed = await self._close_all(idle)
        self._counts["engines_swept"] += closed
        return closed

    def get_factory_metrics(self) -> dict[str, int]:
        """Return counts of what happened so far and of what exists now."""
        counted = ("engines_created", "engines_closed", "engines_swept", "refused_user_limit", "refused_capacity", "cleanup_failures")
        return {**{name: self._counts[name] for name in counted}, "active_engines": len(self._engines), "active_users": len(self._per_user)}

    def get_active_engines_summary(self) -> list[dict[str, Any]]:
        """Return one row for each engine."""
        return [
            {
                "engine_id": engine.engine_id,
                "tenant_id": engine.context.tenant_id,
                "user_id": engine.context.user_id,
                "run_id": engine.context.run_id,
                "busy": engine.is_busy(),
                "idle_s": engine.idle_s(),
            }
            for engine in self._engines.values()
        ]

    async def shutdown(self) -> None:
        """Refuse new engines and close all existing ones. May be called again."""
        self._shut_down = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait({self._sweeper})
            self._sweeper = None
        await self._close_all(list(self._engines.values()))

    def _check_limits(self, user: UserKey) -> None:
        if self._shut_down:
            raise ExecutionEngineFactoryError("the execution engine factory is shut down")
        if self._per_user[user] >= self.limits.engines_per_user:
            self._counts["refused_user_limit"] += 1
            raise UserLimitExceededError(self._per_user[user], self.limits.engines_per_user)
        if len(self._engines) >= self.limits.engines:
            self._counts["refused_capacity"] += 1
            raise CapacityError(len(self._engines), self.limits.engines)

    def _free(self, engine: UserExecutionEngine) -> bool:
        if self._engines.pop(engine.engine_id, None) is None:
            return False
        self._counts["engines_closed"] += 1
        user = _key(engine.context)
        self._per_user[user] -= 1
        if not self._per_user[user]:
            del self._per_user[user]
        return True

    async def _close_all(self, engines: list[UserExecutionEngine]) -> int:
        return sum(await asyncio.gather(*(self.cleanup_engine(engine) for engine in engines)))

    async def _sweep_for_ever(self) -> None:
        while True:
            await self._sleep(self.limits.sweep_every_s)
            await self.sweep()


def _key(context: UserExecutionContext) -> UserKey:
    return (context.tenant_id, context.user_id)
