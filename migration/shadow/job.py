"""What the facade hands to the shadow, and what comes back: the seam between `facade` and `shadow/`."""

from typing import Literal, Protocol

from migration.errors import Operation
from migration.isolation import Identity
from migration.model import Comparison, Event, Noun, Origin, RunLog, RunRecord, Stage

ShedReason = Literal["sampling", "queue_jobs", "queue_bytes", "job_bytes", "cancelled", "closed"]
"""Why a shadow was not even tried."""

FailReason = Literal["worker_died", "deadline", "engine", "comparison", "protocol", "offer", "closed", "process_died"]
"""Why a shadow was tried and gave no verdict. `process_died`: the process in which the job waited; see `telemetry.multiprocess`."""


NoiseOutcome = Literal["clean", "noisy", "inconclusive", "failed", "skipped", "cross_talk"]
"""How a round of both engines against themselves ended: nothing differed, something did, nobody can tell, it failed, no time was left, or
it was not held, as a run held somebody else's data: what differs then is not noise."""


class ShadowJob(Noun, frozen=True, kw_only=True):
    """One served run, to be run again by the other engine on its journal."""

    record: RunRecord
    stage: Stage
    shadows: Origin
    deadline_s: float
    span_id: str | None = None  #: 16 hex digits: the served run's span, which the shadow's span links to; None when not traced
    neighbours: tuple[Identity, ...] = ()  #: who was served beside and before this run: theirs must not be in it
    log: RunLog | None = None  #: what the served run logged; None: nothing, or nobody taped it
    cross_talk: tuple[tuple[int, str], ...] | None = None  #: control's, as `comparison` takes it; found by the worker before it compares
    lost: tuple[Event, ...] = ()  #: as `comparison` takes them, found likewise


class ShadowResult(Noun, frozen=True, kw_only=True):
    """How a job ended: with a comparison, or with the reason why there is none. Neither: it was shed, `detail` says why."""

    run_id: str
    comparison: Comparison | None
    failed: FailReason | None = None
    detail: str = ""  #: for engineers; holds no payload
    failures: tuple[Operation, ...] = ()  #: where the tool itself failed on the way; the receiver counts them
    sought_in_text: int = 0  #: identifiers of others that this job brought and that are looked for everywhere
    sought_in_fields: int = 0  #: those too common for that: they are looked for in identity fields alone
    noise: NoiseOutcome | None = None  #: None: this job was followed by no round


Said = ShadowResult | int
"""What a worker says beside that it is ready: how a job ended, or how many of its own spans did not reach the collector just now."""


class Shadow(Protocol):
    """Takes jobs off the request's hands."""

    def offer(self, job: ShadowJob, /, *, shed: ShedReason | None = None) -> None:
        """Queue the job or shed it, and count which. Never blocks, never raises, never waits.

        Args:
            job: the served run.
            shed: why the caller wants it counted and not run; None: run it.
        """
        ...
