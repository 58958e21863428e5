"""Runs both engines on one recorded run, offline, and keeps both results. If the request of a recording was changed, the recording is first
fitted to control.
"""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

import msgspec

from migration.comparison import Comparer
from migration.effects.journals import Guard
from migration.model import Comparison, Effect, EffectKind, EngineBuilder, Origin, RunRecord
from migration.recordings import RecordedRun
from migration.replay import Replay
from migration.shadow import ComparedJob, Parts, Seal

DEADLINE_S: Final = 10.0


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Both runs of one recording and their differences."""

    comparison: Comparison
    control: RunRecord | None  #: None: there is no record of an engine's run, and the comparison is inconclusive
    candidate: RunRecord | None


class BothEngines:
    """Runs control and candidate on recorded runs, in virtual time, without any contact with the outside.

    Args:
        build: returns the engines.
        comparer: compares the runs; None: a comparer with the project's policies that accepts no divergence.
        seal: context that is open while an engine runs. None: an audit hook of this process that refuses contact with the outside; it
            cannot be removed, but it is inactive between runs.
        deadline_s: seconds that one run of one engine may take.
    """

    def __init__(
        self, build: EngineBuilder, *, comparer: Comparer | None = None, seal: Seal | None = None, deadline_s: float = DEADLINE_S
    ) -> None:
        judge = comparer or Comparer()
        parts = Parts(build=build, compare=lambda job, shadow: judge.compare(job.record, shadow, stage=job.stage), sink=self)
        self._replay = Replay(parts, seal=seal or sealed, deadline_s=deadline_s)
        self._runs: tuple[RunRecord, RunRecord] | None = None

    def close(self) -> None:
        """Close the event loop."""
        self._replay.close()

    def store_each(self, findings: Sequence[ComparedJob], /) -> list[bool]:
        """Keep both runs of the current comparison: this object is the evidence sink of its own replay."""
        for job, shadow, _comparison in findings:
            self._runs = job.record, shadow
        return [True] * len(findings)

    def compare(self, recorded: RecordedRun) -> Compared:
        """Run both engines on the recording. If the run cannot be compared, the verdict is inconclusive, with the reason."""
        self._runs = None
        comparison = self._replay.compare(recorded)
        control, candidate = self._runs or (None, None)
        return Compared(comparison=comparison, control=control, candidate=candidate)

    def fitted(self, recorded: RecordedRun) -> RecordedRun | None:
        """Return the recording with the requests that control makes now, and without the effects that it no longer requests.

        If the run's request is changed, an engine's requests to the outside change too, so the journal's keys no longer match. Control
        therefore gets the recorded answers in sequence, lane by lane, whatever it asks. Its requests, with these answers, are the journal
        for the candidate. Start times are dropped, because they are not needed.

        Returns:
            None if control asks for more than was recorded or for another tool than the one that answered, or if there is no record of its
            run.
        """
        loose = tuple(msgspec.structs.replace(effect, request=None, key="", started_s=0.0) for effect in recorded.journal)
        run, _refused = self._replay.run(RecordedRun(request=recorded.request, journal=loose), Origin.CONTROL)
        if run.record is None or run.tally.missing:
            return None
        answers: dict[tuple[EffectKind, str], deque[Effect]] = {}
        for effect in loose:
            answers.setdefault((effect.kind, effect.lane), deque()).append(effect)
        journal: list[Effect] = []
        for asked in run.record.journal:
            answer = answers[asked.kind, asked.lane].popleft()
            if asked.kind != "model" and asked.name != answer.name:
                return None
            journal.append(msgspec.structs.replace(answer, name=asked.name, request=asked.request))
        return RecordedRun(request=recorded.request, journal=tuple(journal), origin=recorded.origin)


@lru_cache(maxsize=1)
def _guard() -> Guard:
    # One guard for each process: an audit hook cannot be removed.
    return Guard()


@contextmanager
def sealed() -> Iterator[list[str]]:
    """Refuse contact with the outside inside the block. Yield a list to which the names of refused contacts are added."""
    before = sys.dont_write_bytecode
    # An engine may import something on its first run. Without this, Python would write a bytecode file, which would be refused.
    sys.dont_write_bytecode = True
    try:
        with _guard().sealed() as refused:
            yield refused
    finally:
        sys.dont_write_bytecode = before
