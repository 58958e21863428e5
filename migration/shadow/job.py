"""The messages between the facade and the shadow."""

from collections.abc import Callable
from typing import Literal, Protocol

from migration.errors import Operation
from migration.isolation import Identity
from migration.model import Comparison, Event, Noun, Origin, RunLog, RunRecord, Stage

ShedReason = Literal["pressure", "queue_jobs", "queue_bytes", "job_bytes", "cancelled", "closed"]
"""Why a run that was drawn for shadowing was not shadowed. `pressure`: the governor stopped it, see `governor.py`."""

CountUnseen = Callable[[RunRecord, Stage, str, float], None]
"""Takes a run without a comparison: the served run, its stage, the reason, and the probability with which it was drawn."""

FailReason = Literal["worker_died", "deadline", "engine", "comparison", "protocol", "offer", "closed", "process_died"]
"""Why a shadow was tried and gave no verdict. `process_died`: the process in which the job waited died; see `telemetry.multiprocess`."""


RoundResult = Literal["clean", "noisy", "inconclusive", "failed", "skipped", "cross_talk"]
"""The result of a round in which each engine is compared with itself: nothing differed, something differed, or this is not known.

`failed`: the round failed; `skipped`: there was not enough time; `cross_talk`: a run contained other people's data, and differences are
then not noise, so the round was not run.
"""


class ShadowJob(Noun, frozen=True, kw_only=True):
    """One served run, to be run again by the other engine on its journal."""

    record: RunRecord
    stage: Stage
    shadows: Origin
    deadline_s: float
    probability: float = 1.0  #: the probability with which this run was drawn for shadowing
    span_id: str | None = None  #: 16 hex digits: the served run's span, which the shadow's span links to; None when not traced
    neighbours: tuple[Identity, ...] = ()  #: tenants and users served during and before this run: their data must not be in it
    log: RunLog | None = None  #: the log of the served run; None: it is empty, or was not recorded
    cross_talk: tuple[tuple[int, str], ...] | None = None  #: data of others that control mixed up, found by the worker; see `compare`
    lost: tuple[Event, ...] = ()  #: events that control sent to other runs; see `compare`
    traced: bool = False  #: whether its trace is kept whatever the verdict is


class ShadowResult(Noun, frozen=True, kw_only=True):
    """The result of a job: a comparison, or the reason why there is none. If it has neither, the job was shed, and `detail` says why."""

    run_id: str
    comparison: Comparison | None
    failed: FailReason | None = None
    detail: str = ""  #: a text for engineers; it contains no payload
    failures: tuple[Operation, ...] = ()  #: operations of the tool itself that failed; the receiver counts them
    sought_in_text: int = 0  #: identifiers of others that this job brought; they are looked for everywhere
    sought_in_fields: int = 0  #: identifiers that are too common for that; they are looked for only in identity fields
    noise: RoundResult | None = None  #: None: this job was followed by no round


Said = ShadowResult | dict[str, int]
"""The messages of a worker after its start: the result of a job, or the numbers of its own spans that did not reach the collector just now,
by reason.
"""


class Shadow(Protocol):
    """Takes jobs from requests; the requests do not wait for it."""

    def offer(self, job: ShadowJob, /, *, shed: ShedReason | None = None) -> None:
        """Queue the job or shed it, and count which. Never blocks, never raises, never waits.

        Args:
            job: the served run.
            shed: the reason why the caller wants the job counted and not run; None: run it.
        """
        ...
