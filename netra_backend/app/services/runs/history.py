"""A thread in the form for a model: its finished runs as messages in OpenAI's format."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from netra_backend.app.errors import RunStoreUnavailableError
from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.user_execution_context import UserExecutionContext

_logger = logging.getLogger(__name__)


class IncompleteThreadError(RunStoreUnavailableError):
    """A thread cannot be read completely now."""

    def __init__(self, known: Sequence[FinishedRun]) -> None:
        super().__init__("a store that may contain more of the thread does not answer; try again")
        self.known = known  #: the thread's runs that could be read, oldest first


class ThreadRuns(Protocol):
    """Knows a thread's finished runs: a run store, or an object that reads several run stores."""

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first: all of them, or only the `newest`.

        Raises:
            RunStoreUnavailableError: the runs cannot be read now; an IncompleteThreadError contains those that could be read.
        """
        ...


class StoredHistory:
    """The `HistoryReader` over finished runs.

    Args:
        threads: reads the runs.
        runs: the number of a thread's newest runs that agents receive; older ones stay stored.
    """

    def __init__(self, threads: ThreadRuns, *, runs: int = 50) -> None:
        self._threads, self._runs = threads, runs

    async def history(self, context: UserExecutionContext, /) -> list[dict[str, Any]]:
        """Return the thread's messages so far, oldest first, in the OpenAI chat format; [] for a new thread.

        Never raises: while a store is down, users are still served, with the known part of their thread.
        """
        if not self._runs:
            return []
        runs: Sequence[FinishedRun]
        try:
            runs = await self._threads.thread(context.tenant_id, context.user_id, context.thread_id, self._runs)
        except RunStoreUnavailableError as error:
            runs = error.known if isinstance(error, IncompleteThreadError) else ()
            _logger.warning(
                "a thread could not be read completely; its agents receive only the known part",
                extra={"run_id": context.run_id, "runs": len(runs)},
            )
        return messages_of(runs[-self._runs :])


def messages_of(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """Return the runs as messages: each question, and its answer if there is one."""
    messages: list[dict[str, Any]] = []
    for run in runs:
        messages.append({"role": "user", "content": run.question})
        if run.answer is not None:
            messages.append({"role": "assistant", "content": run.answer})
    return messages
