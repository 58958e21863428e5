"""Runs the tool calls of one model reply concurrently; outcomes come in the order of the calls, and a tool's error is an outcome."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from netra_backend.app.errors import ToolError, ToolPermissionError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.events import Notifier, ToolStatus
from netra_backend.app.world import ToolCaller

MAX_PARALLEL_CALLS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInvocation:
    """A call that an agent asks for."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """The result of a call."""

    name: str
    status: ToolStatus
    duration_s: float
    value: Any = None  #: the tool's answer, any JSON; None unless the status is "success"
    error: str | None = None  #: safe for users; None when the status is "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """The sender of a tool event. It is read again for each event, because the engine may change it during the call."""

    agent_name: str
    user_id: str | None
    run_id: str | None
    notifier: Notifier | None


class ToolDispatcher(Protocol):
    """Makes an agent's tool calls and sends the user events about them."""

    async def dispatch(
        self, calls: Sequence[ToolInvocation], user: UserExecutionContext, speaker: Callable[[], Speaker], /
    ) -> list[ToolOutcome]:
        """Return one outcome for each call, in the order of the calls. A `ToolError` is an outcome; any other exception is raised.

        Args:
            calls: run concurrently.
            user: whose data the tools may see.
            speaker: called again for each event.
        """
        ...


async def call_tools(
    caller: ToolCaller,
    calls: Sequence[ToolInvocation],
    user: UserExecutionContext,
    lane: str,
    *,
    on_outcome: Callable[[ToolOutcome], Awaitable[None]],
    clock: Callable[[], float] = time.monotonic,
) -> list[ToolOutcome]:
    """Run the calls concurrently, at most 8 at once, and return their outcomes.

    Args:
        caller: the tools.
        calls: what to call.
        user: whose data the tools may see.
        lane: the name of the agent that asks.
        on_outcome: awaited once for each call, in the order of the calls; also for calls that an exception cut short.
        clock: monotonic seconds.
    """
    permits = asyncio.Semaphore(MAX_PARALLEL_CALLS)

    async def call(invocation: ToolInvocation) -> ToolOutcome:
        async with permits:
            return await _call(caller, invocation, user, lane, clock)

    tasks = [asyncio.create_task(call(invocation)) for invocation in calls]
    outcomes: list[ToolOutcome] = []
    started_s = clock()
    try:
        for task in tasks:
            outcome = await task
            await on_outcome(outcome)
            outcomes.append(outcome)  # only after the notification: a cancelled one did not reach the user and is sent again below
    except BaseException:
        try:
            await _abandon(tasks)
        finally:  # every call is closed, even if a second cancellation comes while the calls are being stopped
            for invocation in calls[len(outcomes) :]:
                await on_outcome(
                    ToolOutcome(name=invocation.name, status="cancelled", duration_s=clock() - started_s, error="the call was cut short")
                )
        raise
    return outcomes


async def _abandon(tasks: Sequence[asyncio.Task[ToolOutcome]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _call(
    caller: ToolCaller, invocation: ToolInvocation, user: UserExecutionContext, lane: str, clock: Callable[[], float]
) -> ToolOutcome:
    started_s = clock()
    status: ToolStatus = "success"
    value, message = None, None
    try:
        value = await caller.call(user, invocation.name, invocation.arguments, lane=lane)
    except ToolPermissionError as error:
        status, message = "permission_denied", str(error)
    except ToolError as error:
        status, message = "error", str(error)
    return ToolOutcome(name=invocation.name, status=status, duration_s=clock() - started_s, value=value, error=message)
