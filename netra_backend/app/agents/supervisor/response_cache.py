"""`ResponseCache`: the legacy engine's cache of answers, which keeps each for five minutes."""

from collections.abc import Callable, Hashable

from netra_backend.app.agents.supervisor.execution_context import AgentExecutionResult


class ResponseCache:
    """Answers by question. Users share an answer unless the question contains the user.

    Args:
        clock: monotonic seconds.
    """

    TTL_S = 300.0
    MAX_ENTRIES = 10_000

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: dict[Hashable, tuple[float, AgentExecutionResult]] = {}  # oldest first

    def get(self, question: Hashable) -> AgentExecutionResult | None:
        """Return the answer; None if there is no recent enough answer."""
        entry = self._entries.get(question)
        return entry[1] if entry is not None and self._clock() < entry[0] else None

    def put(self, question: Hashable, result: AgentExecutionResult) -> None:
        """Keep the answer for five minutes. If a valid answer is already cached, nothing changes."""
        if self.get(question) is not None:
            return
        self._entries.pop(question, None)
        self._entries[question] = (self._clock() + self.TTL_S, result)
        while len(self._entries) > self.MAX_ENTRIES:
            del self._entries[next(iter(self._entries))]
