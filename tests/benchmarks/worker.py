"""How many whole jobs a shadow worker does a second on one core: decode, replay in virtual time, compare, and keep the evidence.

The engine emits 40 events, asks for 10 effects and computes nothing, so the time is that of the tool. Each measurement runs in a process
of its own: a worker refuses contact with the outside by an audit hook, which cannot be taken out again.
"""

import contextlib
import tempfile
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from migration.comparison import Comparer, aligned_events
from migration.effects import perform
from migration.effects.guard import Guard
from migration.evidence import EvidenceStore, Redactor
from migration.model import Event, Origin, RunRecord, RunRequest, Stage, Verdict, encode
from migration.settings import MigrationSettings
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.job import ShadowJob
from migration.shadow.parts import Parts
from migration.shadow.worker import Worker, trace_to_collector
from tests.benchmarks.measuring import Measured, alone, typical_us
from tests.benchmarks.streams import events, frames, prompt, record

EFFECTS = 10
AGENTS = 2  #: 40 events


async def _nobody() -> bytes:
    raise RuntimeError("a replay must not reach the outside")


class Engine:
    """Asks for its effects, one before every fourth event, and emits what it was given."""

    def __init__(self, said: tuple[Event, ...]) -> None:
        self._said = said

    async def run(self, _request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield the events."""
        asked = 0
        for number, event in enumerate(self._said):
            if number % 4 == 0:
                await perform("model", "default", lane=f"agent{asked % 2}", request=prompt_of[asked], call=_nobody)
                asked += 1
            yield event


prompt_of = [prompt(number) for number in range(EFFECTS)]


def _job(served: RunRecord) -> bytes:
    return encode(ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=10.0))


def _said(answer: str = "Use the small model.") -> tuple[Event, ...]:
    """Return what the engine that shadows says, with that as its last answer; control's is the default."""
    said = frames(AGENTS, 1)
    said[-1][1]["payload"]["result"]["final_answer"] = answer
    return events(said)


def job_us(said: tuple[Event, ...], verdict: Verdict, *, stored: bool) -> float:
    """Return microseconds of CPU time for one job.

    Args:
        said: what the engine that shadows says.
        verdict: what the comparison must come to.
        stored: whether evidence is kept, in a new SQLite file.

    Raises:
        SystemExit: the comparison came to something else.
    """
    body = _job(record(Origin.CONTROL, frames(AGENTS), EFFECTS))
    comparer = Comparer()
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(
            build=lambda _surface, _origin: Engine(said),
            compare=lambda job, run: comparer.compare(job.record, run, stage=job.stage),
            sink=None,
        )
        if stored:
            parts = replace(
                parts, sink=EvidenceStore(f"sqlite:///{Path(folder) / 'evidence.db'}", Redactor(b"k" * 32), align=aligned_events)
            )
        with contextlib.closing(EngineRunner(Engines(build=parts.build), seal=Guard().sealed)) as runner:
            worker = Worker(parts, runner, bound=lambda _seconds: None)
            trace_to_collector(MigrationSettings(home=Path(folder)), lambda _number: None)
            found = worker.handle(body)
            if found.comparison is None or found.comparison.verdict is not verdict or found.failures:
                raise SystemExit(f"the job ended with {found}, not {verdict.value}, so its time would mean nothing")
            return typical_us(lambda: worker.handle(body), calls=300, rounds=7)


MEASURES: dict[str, Callable[[], float]] = {
    "worker, jobs of 40 events and 10 effects, no evidence": partial(job_us, _said(), Verdict.MATCH, stored=False),
    "worker, the same with evidence of matches": partial(job_us, _said(), Verdict.MATCH, stored=True),
    "worker, the same with evidence of divergences": partial(job_us, _said("Use the large model."), Verdict.DIVERGENT, stored=True),
}


def run() -> dict[str, Measured]:
    """Measure each kind of job in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        return {name: alone(1e6 / processes.submit(measure).result(), "jobs/s of CPU time") for name, measure in MEASURES.items()}
