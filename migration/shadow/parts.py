"""The parts of a shadow worker, and their names across the process boundary: import strings."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from migration.effects.journals import BLOCK, MissPolicy
from migration.errors import Operation
from migration.isolation import Inspector
from migration.model import Basis, Comparison, EngineBuilder, RunRecord, RunRequest
from migration.shadow.job import ShadowJob

JobComparer = Callable[[ShadowJob, RunRecord], Comparison]
"""Compares the served run with the shadow's."""

DEFAULT_PARTS: Final = "migration.shadow.wiring:judging_parts"
DEFAULT_ENGINES: Final = "migration.shadow.engines:default_engines"


ComparedJob = tuple[ShadowJob, RunRecord, Comparison]
"""The served run, the shadow's, and the comparison of the two."""


class EvidenceSink(Protocol):
    """Stores what was found."""

    def store_each(self, findings: Sequence[ComparedJob], /) -> Sequence[bool | Exception]:
        """Store comparisons, and return for each whether it is new; False: the run already has one, which is kept.

        An exception in the result is the reason why this comparison was not stored. If an exception is raised, no comparison was stored.
        """
        ...


class RoundSink(Protocol):
    """Stores the differences that engines show when they are compared with themselves."""

    def store_round(self, surface: str, run_id: str, *, control: Collection[str], candidate: Collection[str]) -> None:
        """Count one round, and the fingerprints that each engine showed against itself. The round of a run counts once.

        Raises:
            EvidenceError: it cannot be stored.
        """
        ...


class DetectionSink(Protocol):
    """Counts injected differences, and which of them the comparison saw."""

    def detections(self, surface: str, basis: Basis, /) -> int:
        """Return how many differences were injected with this basis so far.

        Raises:
            EvidenceError: it cannot be read.
        """
        ...

    def store_detections(self, surface: str, basis: Basis, found: Mapping[str, tuple[int, int]], /) -> None:
        """Add to the counts: for each kind of difference, how many were injected, and how many of these were seen.

        Raises:
            EvidenceError: they cannot be stored.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one worker."""

    build: EngineBuilder
    compare: JobComparer
    sink: EvidenceSink | None  #: None: nothing is kept
    #: operations that failed while the work continued; they become part of the next result
    failures: list[Operation] = field(default_factory=list)
    inspector: Inspector | None = None  #: searches for other tenants' and users' data; None: no search
    rounds: RoundSink | None = None  #: None: no engine is compared with itself
    noise_percent: float = 0.0  #: percentage of jobs that are followed by such a round
    detections: DetectionSink | None = None  #: counts injected differences; None: none is injected
    misses: MissPolicy = BLOCK  #: effects that a shadow may perform although its journal does not contain them

    def canary(self, request: RunRequest) -> str | None:
        """Return the token that the contexts of a shadow of this request carry; None: they carry none."""
        return None if self.inspector is None else self.inspector.canary(request)
