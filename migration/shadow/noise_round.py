"""One round of noise: both engines run again on the same journal, with tasks in another order, and each is compared with its own first run.

Differences between these two runs are not differences between the engines. `comparison/judge/noise.py` says what follows from it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from migration.errors import Operation
from migration.model import Origin, RunRecord, Verdict
from migration.shadow.cell_job import CellJob, CellRun, RunsEngines
from migration.shadow.job import RoundResult, ShadowJob
from migration.shadow.parts import Parts

logger = logging.getLogger(__name__)
_POINTS: Final = 2**32
#: Share of a job's deadline that must be left for its round: it takes about as long as the shadow took, twice.
_LEFT: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How one round ended."""

    outcome: RoundResult
    failures: tuple[Operation, ...] = ()  #: operations of the tool itself that failed
    spoiled: bool = False  #: an engine left something behind: the process should not be used again


def sampled(run_id: str, percent: float) -> bool:
    """Return whether a run belongs to the sample: the same in every process, and independent of whether it was sampled for shadowing."""
    digest = blake2b(run_id.encode(errors="surrogatepass"), digest_size=4, person=b"noise").digest()
    return int.from_bytes(digest) < percent / 100 * _POINTS


class NoiseRounds:
    """Runs rounds and stores what they show. Errors of engines, of the comparison and of the evidence store are not raised.

    Args:
        parts: the comparison, and the store of rounds.
        cell: where engines run.
        clock: monotonic seconds in real time.
    """

    def __init__(self, parts: Parts, cell: RunsEngines, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts, self._cell, self._clock = parts, cell, clock

    def wanted(self, job: ShadowJob) -> bool:
        """Return whether this job is one of those that are followed by a round."""
        return self._parts.rounds is not None and sampled(job.record.request.run_id, self._parts.noise_percent)

    def run(self, job: ShadowJob, shadow: RunRecord, left_s: float) -> Round:
        """Run both engines once more, compare and store.

        Args:
            job: the served run.
            shadow: the shadow's run.
            left_s: seconds of real time until the job's deadline.
        """
        if left_s < job.deadline_s * _LEFT:
            return Round(outcome="skipped")
        until = self._clock() + left_s
        found: dict[Origin, set[str]] = {}
        for first in (job.record, shadow):
            again = self._again(job, first.origin, until - self._clock())
            if again.record is None or again.refused or again.spoiled:
                return Round(outcome="failed", spoiled=again.spoiled)
            try:
                comparison = self._parts.compare(msgspec.structs.replace(job, record=first), again.record)
            except Exception as failure:  # noqa: BLE001 - a failed comparison is a counted result
                self._log("comparison", job, failure)
                return Round(outcome="failed", failures=("comparison.compare",))
            if comparison.verdict is Verdict.INCONCLUSIVE:
                return Round(outcome="inconclusive")
            found[first.origin] = {divergence.fingerprint for divergence in comparison.divergences}
        return self._stored(job, found)

    def _again(self, job: ShadowJob, origin: Origin, left_s: float) -> CellRun:
        """Run one engine once more."""
        request = job.record.request
        return self._cell.run(
            CellJob(
                request=request,
                journal=job.record.journal,
                origin=origin,
                deadline_s=max(0.0, left_s),
                canary=self._parts.canary(request),
                shuffle=f"{request.run_id} {origin.value}",
            )
        )

    def _stored(self, job: ShadowJob, found: dict[Origin, set[str]]) -> Round:
        control, candidate = found.get(Origin.CONTROL, set()), found.get(Origin.CANDIDATE, set())
        if self._parts.rounds is not None:
            try:
                self._parts.rounds.store_round(job.record.request.surface, job.record.request.run_id, control=control, candidate=candidate)
            except Exception as failure:  # noqa: BLE001 - the round is lost, and that is counted
                self._log("evidence", job, failure)
                return Round(outcome="failed", failures=("evidence.write",))
        return Round(outcome="noisy" if control or candidate else "clean")

    def _log(self, part: str, job: ShadowJob, failure: Exception) -> None:
        # The type alone: the text may quote what a run said.
        logger.error("the %s of the noise round of run %s failed with %s", part, job.record.request.run_id, type(failure).__name__)
