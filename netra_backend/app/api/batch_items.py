"""The items of one batch: each item is read and run separately and can fail alone. A limited number run at once."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final

import msgspec

from netra_backend.app.agents.registry import AGENTS
from netra_backend.app.api.callers import Caller
from netra_backend.app.api.failures import STATUS, failure_of
from netra_backend.app.api.problems import ProblemError, problem_of
from netra_backend.app.api.run_answers import Result, RunningFrames, event, result_in
from netra_backend.app.errors import UnknownAgentError
from netra_backend.app.services.user_execution_context import UserExecutionContext

SURFACE: Final = "batch"
Send = Callable[[bytes], Awaitable[None]]

_encode: Final = msgspec.json.encode


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt of a batch."""

    message: Annotated[str, msgspec.Meta(pattern=r"\S")]
    agent: str | None = None  #: None: the agent of the batch
    thread_id: str | None = None  #: None: a new thread
    id: str | None = None  #: the client's own name for the item; None: the server makes one


class BatchItems:
    """Runs the items of one batch for one user, and reports the result of each.

    Args:
        caller: the user to run the items for.
        items: the received items, each still encoded.
        agent: the agent for items that do not name one.
        at_once: how many run at the same time.
        send: sends the events to the client; it waits while the client reads slowly.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        caller: Caller,
        items: Sequence[msgspec.Raw],
        *,
        agent: str,
        at_once: int,
        send: Send,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.batch_id = uuid.uuid4().hex
        self._caller = caller
        self._items = items
        self._agent = agent
        self._at_once = at_once
        self._send = send
        self._clock = clock
        self._ended: Counter[str] = Counter()

    async def run(self) -> None:
        """Run all items; the last event contains the number of items by status."""
        started_s = self._clock()
        await self._say("batch_started", batch_id=self.batch_id, items=len(self._items), at_once=self._at_once)
        waiting = iter(enumerate(self._items))
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._at_once, len(self._items))):
                workers.create_task(self._work(waiting))
        counts = {status: self._ended[status] for status in ("completed", "failed", "timed_out", "cut", "refused")}
        duration_ms = round((self._clock() - started_s) * 1000, 3)
        await self._say("batch_finished", batch_id=self.batch_id, items=len(self._items), **counts, duration_ms=duration_ms)

    async def _work(self, waiting: Iterator[tuple[int, msgspec.Raw]]) -> None:
        for index, raw in waiting:
            await self._item(index, raw)

    async def _item(self, index: int, raw: msgspec.Raw) -> None:
        """Run one item and send how it ended. Any error of an item ends only that item."""
        told: dict[str, Any] = {"index": index}
        context: UserExecutionContext | None = None
        try:
            item = self._read(raw)
            context = await self._caller.open_context(item.thread_id, item.id)
            told |= {"id": context.request_id, "run_id": context.run_id, "thread_id": context.thread_id}
            await self._say("item_started", **told)
            async with asyncio.timeout(self._caller.gateway.batch_limits.item_s) as limit:
                context.ending.limited_by(limit)
                result = await self._result(index, context, item)
            status, told["result"] = result.status, result.result
        except Exception as error:  # noqa: BLE001 - an item fails alone; the client is informed, the log keeps the place
            told["problem"] = problem_of(error).model_dump(exclude_none=True)
            status = _status(error, context)
        self._ended[status] += 1
        await self._say("item_finished", **told, status=status, done=self._ended.total(), items=len(self._items))

    async def _result(self, index: int, context: UserExecutionContext, item: Item) -> Result:
        frames = await self._caller.agent_frames(SURFACE, context, item.agent or self._agent, item.message, is_new=item.thread_id is None)
        found: Result | None = None
        async with aclosing(await RunningFrames.open(context, frames)) as running:
            async for frame in running:
                found = result_in(frame) or found
                if found is None:
                    await self._say("item_event", index=index, event=msgspec.Raw(frame))
        if found is None:
            raise ProblemError("internal", "the run ended without a result; try again, or report the support code")
        return found

    def _read(self, raw: msgspec.Raw) -> Item:
        try:
            item = msgspec.json.decode(raw, type=Item)
        except msgspec.ValidationError as error:
            raise ProblemError("invalid_request", str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ProblemError("invalid_request", "send one JSON object per item") from None
        if item.agent is not None and item.agent not in AGENTS:
            raise UnknownAgentError(item.agent, AGENTS)
        return item

    async def _say(self, kind: str, **data: Any) -> None:  # noqa: ANN401 - any JSON
        await self._send(event(kind, _encode(data)))


def _status(error: Exception, context: UserExecutionContext | None) -> str:
    """Return the status of an item that ended with an error: that of its run, or "refused" when no run began."""
    outcome = None if context is None else context.ending.outcome
    if outcome is not None:
        return "failed" if outcome == "completed" else outcome  # the run succeeded, but without a result
    code = error.failure.code if isinstance(error, ProblemError) else failure_of(error).code
    refused = context is None or STATUS[code] < STATUS["internal"]
    return "refused" if refused or context is None else context.ending.broken_off(error)
