"""Searches for the smallest recording that still shows a divergence. Read `minimise` first: it is the list of steps."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

import msgspec

from migration.model import Comparison, Divergence, Effect, Outcome, Verdict
from migration.recordings import RecordedRun, write_line
from migration.reproduce.ddmin import ddmin
from migration.reproduce.engines import BothEngines
from migration.reproduce.plain import plainer
from migration.reproduce.tree import shrink, shrink_text

#: Number of passes over all parts: after one part is removed, another one may become removable. The third pass rarely finds anything.
_ROUNDS: Final = 3


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a search. When a limit is reached, the best result so far is returned."""

    attempts: int = 3000  #: recordings run through both engines; a duplicate counts once
    seconds: float = 120.0  #: of real time; if this limit ends the search, the result may differ on another machine


class ShrinkProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a search."""

    attempts: int
    size_bytes: int  #: size of the smallest recording so far


class Minimised(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that shows a divergence, as small as possible."""

    recording: RecordedRun
    divergence: Divergence
    comparison: Comparison  #: the comparison of the small recording
    before: RecordedRun
    attempts: int
    complete: bool  #: False: the budget ended the search
    seconds: float = 0.0  #: duration of the search


def minimise(
    recorded: RecordedRun,
    fingerprint: str,
    engines: BothEngines,
    *,
    budget: Budget = Budget(),  # noqa: B008 - frozen
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[ShrinkProgress], None] = lambda _progress: None,
) -> Minimised | None:
    """Return the recording reduced to what the divergence needs; None if the recording does not show the divergence.

    A divergence that the ledger does not accept stays unaccepted. For example, if the ledger accepts only a few occurrences, the result
    still has too many.

    The same recording, fingerprint and engines give the same result, unless the budget's seconds end the search.

    Args:
        recorded: a recording that may show the divergence.
        fingerprint: 12 hex digits.
        engines: run both engines, and compare by the policy and the ledger that the written test will use.
        budget: the limits.
        clock: monotonic seconds.
        on_progress: called after every attempt.
    """
    search = _Search(fingerprint, engines, budget, clock, on_progress)
    if not search.start(recorded):
        return None
    with suppress(_SpentError):
        for _ in range(_ROUNDS):
            before = search.size_bytes
            _journal(search)  # 1 the answers from the outside: whole answers
            _requests(search)  # 2 the run's request: history, tools, texts
            _replies(search)  # 3 parts of the answers
            if search.size_bytes == before:
                break
        for simpler in plainer(search.best):  # 4 readability: no times, simple ids
            search.holds(simpler(search.best))
    with suppress(_SpentError):
        search.loosen()  # 5 durability: no requests, so that a new prompt in both engines does not break the test
    return search.result(recorded)


class _SpentError(Exception):
    """The budget is used up."""


class _Search:
    """Tries recordings, and keeps the last one that showed the divergence."""

    def __init__(
        self,
        fingerprint: str,
        engines: BothEngines,
        budget: Budget,
        clock: Callable[[], float],
        on_progress: Callable[[ShrinkProgress], None],
    ) -> None:
        self._fingerprint, self._engines, self._budget, self._on_progress = fingerprint, engines, budget, on_progress
        self._clock, self._started_at = clock, clock()
        self._ends_at = self._started_at + budget.seconds
        self._slowest_s = 0.0  #: duration of the longest attempt: no attempt is started that might not finish in time
        self._tried: dict[bytes, tuple[RecordedRun, Comparison] | None] = {}
        self._best: tuple[RecordedRun, Comparison] | None = None
        self._ends: tuple[Outcome, Outcome] | None = None  #: how both runs ended when the divergence was first shown
        self._verdict: Verdict | None = None  #: verdict of the divergence when it was first shown
        self._complete = True

    @property
    def best(self) -> RecordedRun:
        """The last recording that showed the divergence."""
        return self._shown[0]

    @property
    def size_bytes(self) -> int:
        """Size of the best recording."""
        return len(write_line(self.best))

    @property
    def _shown(self) -> tuple[RecordedRun, Comparison]:
        if self._best is None:
            raise RuntimeError("nothing showed the divergence yet; call `start` first")
        return self._best

    def start(self, recorded: RecordedRun) -> bool:
        """Try the unchanged recording, without regard to the budget. Return whether it shows the divergence."""
        self._best = self._tried[_key(recorded)] = self._attempt(recorded)
        if self._best is None:
            # If control asks for several things at once in one lane, answers in recorded order get mixed up. So use the journal's own keys.
            self._best = self._show(replace(recorded, events=()))
        return self._best is not None

    def holds(self, recorded: RecordedRun) -> bool:
        """Return whether the recording shows the divergence after it is fitted to control.

        Raises:
            _SpentError: the budget is used up, and this recording was not tried before.
        """
        key = _key(recorded)
        if key not in self._tried:
            self._check_budget()
            self._tried[key] = self._attempt(recorded)
        found = self._tried[key]
        if found is not None:
            self._best = found
        self._on_progress(ShrinkProgress(attempts=len(self._tried), size_bytes=self.size_bytes))
        return found is not None

    def loosen(self) -> None:
        """Remove the requests from the journal if the recording still shows the divergence without them. The journal then answers in order.

        If it does not, because one lane asks for several things at once, remove as many requests as possible.

        Raises:
            _SpentError: the budget is used up.
        """
        journal = self.best.journal
        if self._answers_with(tuple(_unasked(effect) for effect in journal)):
            return
        for place in range(len(journal)):
            journal = self.best.journal
            self._answers_with((*journal[:place], _unasked(journal[place]), *journal[place + 1 :]))

    def _answers_with(self, journal: tuple[Effect, ...]) -> bool:
        self._check_budget()
        found = self._show(replace(self.best, journal=journal))
        self._best = found or self._best
        return found is not None

    def _check_budget(self) -> None:
        if len(self._tried) >= self._budget.attempts or self._clock() + self._slowest_s >= self._ends_at:
            self._complete = False
            raise _SpentError

    def result(self, before: RecordedRun) -> Minimised:
        """Return the best recording and the facts about the search."""
        recording, comparison = self._shown
        return Minimised(
            recording=recording,
            divergence=next(one for one in comparison.divergences if one.fingerprint == self._fingerprint),
            comparison=comparison,
            before=before,
            attempts=len(self._tried),
            complete=self._complete,
            seconds=self._clock() - self._started_at,
        )

    def _attempt(self, recorded: RecordedRun) -> tuple[RecordedRun, Comparison] | None:
        began_at = self._clock()
        fitted = self._engines.fitted(recorded)
        found = None if fitted is None else self._show(fitted)
        self._slowest_s = max(self._slowest_s, self._clock() - began_at)
        return found

    def _show(self, recorded: RecordedRun) -> tuple[RecordedRun, Comparison] | None:
        compared = self._engines.compare(recorded)
        comparison = compared.comparison
        shown = next((one for one in comparison.divergences if one.fingerprint == self._fingerprint), None)
        # An inconclusive comparison is of no use for a test: it would stay inconclusive after the divergence is fixed.
        if shown is None or comparison.verdict is Verdict.INCONCLUSIVE or compared.control is None or compared.candidate is None:
            return None
        # The divergence must keep the verdict that it had first: if it becomes accepted, the test would pass.
        self._verdict = self._verdict or shown.verdict
        if shown.verdict is not self._verdict:
            return None
        # Both runs must keep their outcome: if a completed run becomes a failed one, the same fingerprint has another cause.
        ends = compared.control.outcome, compared.candidate.outcome
        self._ends = self._ends or ends
        return (recorded, comparison) if ends == self._ends else None


def _unasked(effect: Effect) -> Effect:
    return msgspec.structs.replace(effect, request=None, key="")


def _key(recorded: RecordedRun) -> bytes:
    return blake2b(write_line(recorded), digest_size=16).digest()


def _journal(search: _Search) -> None:
    best = search.best
    ddmin(best.journal, lambda effects: search.holds(_answered(best, effects)))


def _requests(search: _Search) -> None:
    best = search.best
    payload = _decoded(best.request.payload)
    if isinstance(payload, dict):
        shrink(payload, lambda tried: search.holds(_asking(best, _encode(tried))))


def _replies(search: _Search) -> None:
    for place in range(len(search.best.journal)):
        best = search.best
        if place >= len(best.journal):
            return
        effect = best.journal[place]

        def still(best: RecordedRun = best, place: int = place, **changes: Any) -> bool:  # noqa: ANN401 - fields of an effect
            changed = msgspec.structs.replace(best.journal[place], **changes)
            return search.holds(_answered(best, (*best.journal[:place], changed, *best.journal[place + 1 :])))

        _shrink_reply(effect, still)


def _shrink_reply(effect: Effect, still: Callable[..., bool]) -> None:
    if effect.error is not None:
        error = effect.error
        shrink_text(error.message, lambda text: still(error=msgspec.structs.replace(error, message=text)))
    reply = None if effect.reply is None else _decoded(effect.reply)
    if reply is not None:
        shrink(reply, lambda tried: still(reply=_encode(tried)))


def _asking(recorded: RecordedRun, payload: bytes) -> RecordedRun:
    return replace(recorded, request=msgspec.structs.replace(recorded.request, payload=payload))


def _answered(recorded: RecordedRun, journal: tuple[Effect, ...]) -> RecordedRun:
    return replace(recorded, journal=journal)


def _decoded(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return the value; None if the text is not JSON. Such a text is not changed."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_encode = msgspec.json.encode
