"""What the API needs from the rest of the backend. The composition root fulfils it; tests fake it in ten lines."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.history import ThreadRuns
from netra_backend.app.services.user_execution_context import UserExecutionContext


class Execution(Protocol):
    """Runs what users ask for. One for an application."""

    async def start(self) -> None:
        """Open what runs need. Called once, before the first run."""
        ...

    async def aclose(self) -> None:
        """Stop what still runs and give everything back. Called once, also after a failed start."""
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
        """Return "ok", or the reason why not, for each component. Answers at once, without I/O."""
        ...


class HistoryReader(Protocol):
    """Knows what was said in a thread before."""

    async def history(self, context: UserExecutionContext, /) -> list[dict[str, Any]]:
        """Return the thread's messages so far, oldest first, in the OpenAI chat format; [] for a new thread."""
        ...


class Threads(Protocol):
    """Knows whose thread it is."""

    async def ensure(self, tenant_id: str, user_id: str, thread_id: str, /) -> None:
        """Create the thread for its first user; do nothing when it is that user's already.

        Raises:
            ThreadNotFoundError: the thread is somebody else's.
        """
        ...


class OwnedThreads(Threads, Protocol):
    """Knows whose thread it is, also without opening it."""

    async def check(self, tenant_id: str, user_id: str, thread_id: str, /) -> None:
        """Do nothing when the thread is that user's.

        Raises:
            ThreadNotFoundError: it is somebody else's, or there is none.
        """
        ...


class ComposedExecution(Execution, Protocol):
    """An execution that keeps the runs it finished."""

    @property
    def threads(self) -> ThreadRuns:
        """Return the reader of their threads."""
        ...


class NoRuns:
    """Threads of an application that keeps no runs: all empty."""

    async def thread(self, _tenant_id: str, _user_id: str, _thread_id: str, _newest: int | None = None, /) -> list[FinishedRun]:
        """Return []."""
        return []
