"""The messages between a worker and its cell: the interface between the process that compares and the one that runs engines."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from migration.effects.journals import Tally
from migration.model import Effect, Noun, Origin, RunLog, RunRecord, RunRequest
from migration.shadow.job import FailReason
from migration.shadow.runner import ShadowRun


class CellHello(msgspec.Struct, frozen=True, kw_only=True):
    """The first frame. It holds secrets only where a cell may read."""

    settings: bytes  #: JSON
    engines: str  #: import string of a callable (MigrationSettings) -> Engines
    environment: dict[str, str]  #: set before the engines are loaded


class CellJob(Noun, frozen=True, kw_only=True):
    """One engine to be run on a journal."""

    request: RunRequest
    journal: tuple[Effect, ...]
    origin: Origin
    deadline_s: float
    trace_id: str | None = None
    canary: str | None = None  #: the token that the run's contexts may carry; None: there is none
    shuffle: str | None = None  #: seed of the order of tasks that are ready at once; None: as they became ready
    may_read: bool = False  #: whether the miss policy applies; otherwise every miss is refused


class CellRun(Noun, frozen=True, kw_only=True):
    """The result of a job."""

    record: RunRecord | None
    tally: Tally
    failed: FailReason | None = None
    detail: str = ""  #: for engineers; holds no payload
    log: RunLog | None = None
    refused: tuple[str, ...] = ()  #: names of contacts with the outside that were refused
    spoiled: bool = False  #: the process should not be used again

    def run(self) -> ShadowRun:
        """Return the run that this frame describes."""
        return ShadowRun(record=self.record, tally=self.tally, failed=self.failed, detail=self.detail, spoiled=self.spoiled, log=self.log)


class RunsEngines(Protocol):
    """Runs one engine after another."""

    def run(self, job: CellJob, /) -> CellRun:
        """Run an engine to its end, its deadline, or that of the process that it is in. Raises nothing that an engine raises.

        Raises:
            ConfigurationError: there is nothing to run engines in, and will not be.
        """
        ...

    def runs(self, jobs: Sequence[CellJob], /) -> Iterator[CellRun | None]:
        """Yield the result of each job, in order, while the next ones run ahead of the reader; nothing after a run that left the process
        unusable.

        None between two of them: the next one takes longer, so that nothing should be held back for it. Errors as of `run`.
        """
        ...
