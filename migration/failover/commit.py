"""The commit point: what a failure of a candidate is, and whether control may still resume the run."""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

from migration.comparison import Policy, agent_of, fits, outcome_by
from migration.effects.journals import Recording
from migration.model import Event, Outcome

Past = Literal["ended", "answered", "irreversible", "unclosed", "unrecorded", "refused"]
"""Why control may not resume a run:

ended         the end of the whole run was delivered: its client has everything
answered      text of the answer was delivered
irreversible  a tool that is not declared read-only was called, or its call was unfinished
unclosed      an event was delivered, but not the event that must close it
unrecorded    events or effects exceeded the limits of a record, so what was done is not known
refused       the candidate turned the request away, which is not a failure
"""

#: These ask the process or the reader of the stream to stop; they are not failures of an engine.
_STOPS: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)


class CommitPoint:
    """Reads the surface's configuration: which events are answers, end the run or announce a failure, and which tools only read.

    Args:
        policy: the surface's policy.
    """

    def __init__(self, policy: Policy) -> None:
        rules = policy.failover
        self._endings, self._failures = policy.endings, rules.failures
        self._answers = None if rules.answers is None else frozenset(rules.answers)
        self._inward, self._ends = frozenset(rules.inward), frozenset(rules.ends)
        self._openers = {pair.first: pair.then for pair in policy.contract.closes}
        self._read_only = frozenset(policy.tools.read_only)
        self._refusals = frozenset(error for errors in policy.refusals.values() for error in errors)
        #: Kinds of event that may announce a failure; other events are not examined.
        self.watched = frozenset((*(sign.kind for sign in self._failures), *(ending.last.kind for ending in self._endings)))

    def is_failure(self, error: BaseException) -> bool:
        """Return whether this exception is a failure of the engine, and not a request to stop."""
        if isinstance(error, asyncio.CancelledError):
            # If nothing requested a cancellation, the engine raised it itself.
            task = asyncio.current_task()
            return task is not None and not task.cancelling()
        return not isinstance(error, _STOPS)

    def announces(self, event: Event, delivered: Sequence[Event]) -> Outcome | None:
        """Return the failed outcome that this event announces; None: it announces no failure.

        Args:
            event: not delivered yet, of a kind in `watched`.
            delivered: the events before it.
        """
        ended = outcome_by(self._endings, (*delivered, event))
        if ended in ("failed", "timed_out"):
            return ended
        return "failed" if any(fits(sign, event) for sign in self._failures) else None

    def ends(self, delivered: Sequence[Event]) -> bool:
        """Return whether a stream that stopped after these events is complete."""
        if not self._ends:
            return True
        last = delivered[-1] if delivered else None
        return last is not None and last.kind in self._ends and agent_of(last.lane) not in self._inward

    def is_settled(self, delivered: Sequence[Event]) -> bool:
        """Return whether the client was sent the end of the whole run, and not only the end of an agent."""
        return bool(delivered) and delivered[-1].kind in self._ends and not delivered[-1].lane

    def past(self, tape: Recording, error: BaseException | None) -> Past | None:
        """Return why control may not resume the run; None: it may.

        Args:
            tape: the tape of the candidate's run so far; all its events were delivered.
            error: the exception that ended the candidate's stream; None: no exception did.
        """
        if self.is_settled(tape.events):
            return "ended"
        if type(error).__name__ in self._refusals:
            return "refused"
        if tape.truncated:
            return "unrecorded"
        if tape.asked_for("tool") - self._read_only:
            return "irreversible"
        if any(self._answered(event) for event in tape.events):
            return "answered"
        return "unclosed" if self._unclosed(tape.events) else None

    def _answered(self, event: Event) -> bool:
        return self._answers is None or (event.kind in self._answers and agent_of(event.lane) not in self._inward)

    def _unclosed(self, delivered: Sequence[Event]) -> bool:
        opened: dict[tuple[str, str], int] = {}
        for event in delivered:
            if (then := self._openers.get(event.kind)) is not None:
                opened[event.lane, then] = opened.get((event.lane, then), 0) + 1
            elif opened.get((event.lane, event.kind)):
                opened[event.lane, event.kind] -= 1
        return any(opened.values())
