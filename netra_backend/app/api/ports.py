"""What the API needs from the rest of the backend. The composition root implements these protocols; a fake in a test needs ten lines."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.history import ThreadRuns
from netra_backend.app.services.user_execution_context import UserExecutionContext


class Execution(Protocol):
    """Executes the users' requests; an application has one."""

    async def start(self) -> None:
        """Open what runs need; called once, before the first run."""
        ...

    async def aclose(self) -> None:
        """Stop all runs and release all resources; called once, also after a failed start."""
        ...

    def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        """Return the run's frames: JSON objects, sent to the user unchanged. Closing the generator stops the work.

        Raises, while being iterated:
            UserLimitExceededError: the user has as many engines as allowed.
            CapacityError: the application has as many engines as allowed.
            TimeoutError: the run took too long.
        """
        ...

    def metrics(self) -> tuple[bytes, str]:
        """Return the metrics and their content type, as Prometheus scrapes them."""
        ...

    def ready(self) -> Mapping[str, str]:
        """Return "ok", or the reason why not, for each component. Answers immediately, without I/O."""
        ...


class HistoryReader(Protocol):
    """Knows the earlier messages of a thread."""

    async def history(self, context: UserExecutionContext, /) -> list[dict[str, Any]]:
        """Return the thread's messages so far, oldest first, in the OpenAI chat format; [] for a new thread."""
        ...


class Threads(Protocol):
    """Knows the owner of each thread."""

    async def ensure(self, tenant_id: str, user_id: str, thread_id: str, /) -> None:
        """Create the thread for its first user; do nothing when it already belongs to that user.

        Raises:
            ThreadNotFoundError: the thread belongs to another user.
        """
        ...


class OwnedThreads(Threads, Protocol):
    """Knows the owner of each thread, and can check it without creating the thread."""

    async def check(self, tenant_id: str, user_id: str, thread_id: str, /) -> None:
        """Do nothing when the thread belongs to that user.

        Raises:
            ThreadNotFoundError: the thread belongs to another user or does not exist.
        """
        ...


class ComposedExecution(Execution, Protocol):
    """An execution that stores its finished runs."""

    @property
    def threads(self) -> ThreadRuns:
        """Return a reader of the threads that the stored runs form."""
        ...


class NoRuns:
    """The threads of an application that stores no runs; all of them are empty."""

    async def thread(self, _tenant_id: str, _user_id: str, _thread_id: str, _newest: int | None = None, /) -> list[FinishedRun]:
        """Return []."""
        return []
