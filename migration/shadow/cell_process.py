"""`CellProcess`: runs engines in a cell, one after another.

It runs jobs before the results of earlier ones are read, and ends a cell that is late.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from migration import variables
from migration.effects.journals import Tally
from migration.errors import ConfigurationError
from migration.model import encode
from migration.settings import MigrationSettings
from migration.shadow import child_environment
from migration.shadow.cell_job import CellHello, CellJob, CellRun
from migration.shadow.cell_link import Answer, CellLink, GoneError
from migration.shadow.hello import GRACE_S
from migration.shadow.job import FailReason

logger = logging.getLogger(__name__)
_runs = msgspec.msgpack.Decoder(CellRun)

#: Share of the worker's time to start that its cell may use, so that the cell's error is reported before the worker is replaced.
_SHARE: Final = 0.9
#: Engines compute for a shorter time; one that takes longer usually hangs.
_SOON_S: Final = 0.05


class CellProcess:
    """One cell. When the cell is gone, runs fail until the worker is replaced.

    Args:
        settings: the migration's settings; a cell that may not read gets them without addresses and keys.
        engines: import string of a callable (MigrationSettings) -> Engines.

    Raises:
        ConfigurationError: the cell cannot become ready: no boundary, no engines, or no answer in time.
        OSError: the process cannot be started.
    """

    def __init__(self, settings: MigrationSettings, engines: str) -> None:
        self._link = CellLink()
        try:
            first = self._exchange(_hello(settings, engines), settings.shadow_start_s * _SHARE)
        except GoneError as gone:
            self.close()
            raise ConfigurationError(f"the process that runs engines was not ready: {gone}{_refused(self._link.attempts.names)}") from gone
        except BaseException:
            self.close()
            raise
        if first.body:
            self.close()
            raise ConfigurationError(first.body.decode(errors="replace") + _refused(first.attempts))
        # Libraries look at the machine when they are imported; no run causes these attempts.
        self._link.attempts.paths = False
        if first.attempts:
            logger.warning("loading the engines tried to reach the outside, and was refused: %s", ", ".join(first.attempts))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._link.pid

    def run(self, job: CellJob, /) -> CellRun:
        """Run an engine until it ends, its deadline passes, or its process ends. Never raises."""
        return next(run for run in self.runs([job]) if run is not None)

    def runs(self, jobs: Sequence[CellJob], /) -> Iterator[CellRun | None]:
        """Yield the result of each job, in order, while later jobs already run; nothing after a run that left the process unusable.

        None: the next result takes longer. Never raises. Answers come in the order of the jobs, so if the process ends, the
        first unanswered job is the cause.
        """
        self._link.hand(map(encode, jobs))
        for job in jobs:
            if not self._link.answered(_SOON_S):
                yield None
            run = self._run_of(job)
            yield run
            if run.spoiled:
                return

    def close(self) -> None:
        """End the process at once. Idempotent."""
        self._link.close()

    def _run_of(self, job: CellJob) -> CellRun:
        try:
            answer = self._link.next(job.deadline_s + GRACE_S)
            run = _with_attempts(_runs.decode(answer.body), answer.attempts, answer.more)
        except GoneError as gone:
            run = _lost(gone.reason, gone.detail)
        except msgspec.MsgspecError as error:
            run = _lost("protocol", f"the cell's answer cannot be read: {type(error).__name__}")
        if not run.spoiled:
            return run
        self.close()
        return _with_attempts(run, *self._link.attempts.take())

    def _exchange(self, body: bytes, seconds: float) -> Answer:
        self._link.hand([body])
        return self._link.next(seconds)


def _hello(settings: MigrationSettings, engines: str) -> bytes:
    reading = settings.miss_policy == "allow"
    # A cell that may not read does not need addresses and keys, so it does not get them.
    told = settings if reading else msgspec.structs.replace(settings, **dict.fromkeys(_SECRET, ""))
    environment = child_environment.by_pipe(reading=True) if reading else {}
    return msgspec.msgpack.encode(CellHello(settings=variables.encode(told), engines=engines, environment=environment))


_SECRET: Final = ("hash_key", "evidence_url", "stores_url", "otlp_endpoint")


def _lost(reason: FailReason, detail: str) -> CellRun:
    nothing = Tally(recorded=0, replayed=0, missing=0, unused=0, performed=0)
    return CellRun(record=None, tally=nothing, failed=reason, detail=detail, spoiled=True)


def _refused(names: Sequence[str]) -> str:
    return f"; it was refused: {', '.join(names)}" if names else ""


def _with_attempts(run: CellRun, names: Sequence[str], more: int) -> CellRun:
    """Return the run, with the contacts that the kernel refused added."""
    if not names:
        return run
    return msgspec.structs.replace(run, refused=(*run.refused, *names, *([f"and {more} more"] if more else [])))
