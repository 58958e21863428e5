"""The messages between a worker, which compares runs, and its cell, which runs engines."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from migration.effects.journals import Tally
from migration.model import Effect, Noun, Origin, RunLog, RunRecord, RunRequest
from migration.shadow.job import FailReason
from migration.shadow.runner import ShadowRun


class CellHello(msgspec.Struct, frozen=True, kw_only=True):
    """The first frame. It contains secrets only if the cell's engines may read from the outside."""

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
    shuffle: str | None = None  #: seed of the order of tasks that are ready at the same time; None: the order in which they became ready
    may_read: bool = False  #: whether the miss policy applies; otherwise every miss is refused


class CellRun(Noun, frozen=True, kw_only=True):
    """The result of a job."""

    record: RunRecord | None
    tally: Tally
    failed: FailReason | None = None
    detail: str = ""  #: a text for engineers; it contains no payload
    log: RunLog | None = None
    refused: tuple[str, ...] = ()  #: names of contacts with the outside that were refused
    spoiled: bool = False  #: the process should not be used again

    def run(self) -> ShadowRun:
        """Return the run that this frame contains."""
        return ShadowRun(record=self.record, tally=self.tally, failed=self.failed, detail=self.detail, spoiled=self.spoiled, log=self.log)


class RunsEngines(Protocol):
    """Runs one engine after another."""

    def run(self, job: CellJob, /) -> CellRun:
        """Run an engine until it ends, its deadline passes, or its process ends. Raises nothing that an engine raises.

        Raises:
            ConfigurationError: no process can run engines, now or later.
        """
        ...

    def runs(self, jobs: Sequence[CellJob], /) -> Iterator[CellRun | None]:
        """Yield the result of each job, in order, while later jobs already run; nothing after a run that left the process unusable.

        None between two results means that the next result takes longer: the caller should then deliver the earlier results without waiting
        for it. Raises the same
        errors as `run`.
        """
        ...
