"""The active runs of one connection: each is a task that passes frames from the execution to the socket."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.websockets import WebSocketDisconnect

from netra_backend.app.api.chat_messages import Chat, RunAccepted, RunFinished, encode, report
from netra_backend.app.api.failures import failure_of
from netra_backend.app.api.ports import Execution, HistoryReader, Threads
from netra_backend.app.draining import Drain
from netra_backend.app.services.runs.finished_run import Outcome
from netra_backend.app.services.tokens import Identity
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.connections import Connection

SURFACE = "chat"


class ChatRuns:
    """Starts, cancels and ends the runs of one connection.

    Args:
        execution: executes the runs.
        threads: knows the owner of each thread.
        history: the earlier messages of the thread.
        connection: receives the frames.
        identity: the owner of the runs.
        connection_id: names the connection in the runs' contexts.
        limit: how many may be active at once.
        drain: cuts the runs when the server stops.
        ended: called after each run's last message.
    """

    def __init__(
        self,
        *,
        execution: Execution,
        threads: Threads,
        history: HistoryReader,
        connection: Connection,
        identity: Identity,
        connection_id: str,
        limit: int,
        drain: Drain,
        ended: Callable[[], None],
    ) -> None:
        self._execution = execution
        self._threads = threads
        self._history = history
        self._connection = connection
        self._identity = identity
        self._connection_id = connection_id
        self._limit = limit
        self._drain = drain
        self._ended = ended
        self._tasks: dict[str, asyncio.Task[None]] = {}  #: by run id
        self._cancellable: set[str] = set()
        self._cancelled: set[str] = set()

    def __len__(self) -> int:
        """Return how many runs are active."""
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Whether no further run may start now."""
        return len(self._tasks) >= self._limit

    def start(self, chat: Chat) -> None:
        """Begin a run in a separate task."""
        run_id = uuid.uuid4().hex
        task = asyncio.create_task(self._answer(chat, run_id), name=f"chat-run-{run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._forget(run_id))

    def cancel(self, run_id: str) -> bool:
        """Stop a run; its `run_finished` follows. Return False when no such run is active here."""
        if run_id not in self._cancellable:
            return False
        self._cancellable.remove(run_id)
        self._cancelled.add(run_id)
        return self._tasks[run_id].cancel()

    async def aclose(self) -> None:
        """Stop all runs and wait until each has closed its stream."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, run_id: str) -> None:
        del self._tasks[run_id]
        self._ended()

    async def _answer(self, chat: Chat, run_id: str) -> None:
        """Report that the run begins, pass its frames on, and report how it ended. A client that has disconnected receives nothing more."""
        try:
            try:
                context = self._context(chat, run_id)
                payload = await self._drain.unless_cut(self._prepared(chat, context))
            except Exception as error:  # noqa: BLE001 - shown to the user and logged; a run never takes its connection down
                await self._tell(error, request_id=chat.request_id)
                return
            outcome = await self._run(context, payload)
            await self._connection.send(encode(RunFinished(run_id, outcome)))
        except WebSocketDisconnect:
            return

    async def _prepared(self, chat: Chat, context: UserExecutionContext) -> dict[str, Any]:
        """Check that the thread belongs to the user, and return the payload of the run."""
        await self._threads.ensure(context.tenant_id, context.user_id, context.thread_id)
        history = await self._history.history(context) if chat.thread_id else []  # a new thread has none
        return {"message": chat.message, "agent": chat.agent, "history": history}

    def _context(self, chat: Chat, run_id: str) -> UserExecutionContext:
        return UserExecutionContext(
            tenant_id=self._identity.tenant_id,
            user_id=self._identity.user_id,
            thread_id=chat.thread_id or uuid.uuid4().hex,
            run_id=run_id,
            request_id=chat.request_id or uuid.uuid4().hex,
            websocket_client_id=self._connection_id,
            claims=self._identity.claims,
        )

    async def _run(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> Outcome:
        """Accept the run, pass its frames on, close its stream, and return how it ended."""
        run_id = context.run_id
        # The run is cancellable only from here to `finally`: a cancellation must cut off neither `run_accepted` nor `run_finished`.
        self._cancellable.add(run_id)
        try:
            await self._connection.send(encode(RunAccepted(run_id, context.thread_id, context.request_id)))
            frames = self._execution.stream(SURFACE, context, payload)
            async with aclosing(self._drain.pass_on(frames, context.ending)) as passed:
                async for frame in passed:
                    await self._connection.send(frame)
        except WebSocketDisconnect:
            raise
        except asyncio.CancelledError as error:
            if run_id in self._cancelled:
                self._tasks[run_id].uncancel()
                return context.ending.outcome or "cancelled"
            if self._tasks[run_id].cancelling():
                raise
            # Nobody cancelled this task: the engine itself raised the cancellation.
            return await self._failed(error, context)
        except Exception as error:  # noqa: BLE001 - shown to the user and logged; a run never takes its connection down
            return await self._failed(error, context)
        finally:
            self._cancellable.discard(run_id)
            self._cancelled.discard(run_id)
            await context.cleanup()
        return context.ending.outcome or context.ending.finished()

    async def _failed(self, error: BaseException, context: UserExecutionContext) -> Outcome:
        self._cancellable.discard(context.run_id)
        await self._tell(error, run_id=context.run_id, request_id=context.request_id)
        # The execution decides how a run ended, except for a run that broke off before its execution began.
        return context.ending.outcome or context.ending.broken_off(error)

    async def _tell(self, error: BaseException, *, run_id: str | None = None, request_id: str | None) -> None:
        await self._connection.send(encode(report(failure_of(error), error, run_id=run_id, request_id=request_id)))
