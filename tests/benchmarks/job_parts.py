"""Where the time of a shadowed run goes, part by part: microseconds of processor time, each the least of many groups of jobs.

All parts run here, in one process, as they do in the serving process, its worker and the worker's cell; what is left out are the pipes
between them. The job is that of `worker`: 40 events, 10 effects, an engine that computes nothing.
"""

import gc
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from migration.effects.journals import Guard
from migration.import_strings import load
from migration.model import encode
from migration.settings import MigrationSettings
from migration.shadow import confinement
from migration.shadow.cell_job import CellJob, CellRun
from migration.shadow.engine_runner import EngineRunner
from migration.shadow.job import ShadowJob, ShadowResult
from migration.shadow.parts import DEFAULT_ENGINES, DEFAULT_PARTS, Parts
from migration.shadow.verdicts import judge, keep
from migration.shadow.worker import cell_job
from tests.benchmarks import worker_driver
from tests.benchmarks.measuring import Measured, alone

GROUPS: Final = 40
TOGETHER: Final = 16  #: jobs of a group, as a worker takes them
_KINDS: Final = {"match": "agreeing", "divergence": "differing"}

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def run() -> dict[str, Measured]:
    """Return what each part of a matching job and of a divergent one takes."""
    confinement.collect_seldom()
    rows: dict[str, Measured] = {}
    for verdict, engine in _KINDS.items():
        with tempfile.TemporaryDirectory() as home:
            least = _least(MigrationSettings(home=Path(home), engines=f"{worker_driver.__name__}:{engine}", surfaces=("chat",)))
        rows |= {f"a job, {verdict}: {part}": alone(us, "us") for part, us in least.items()}
        rows[f"a job, {verdict}: all of these"] = alone(sum(least.values()), "us")
    return rows


class _Stopwatch:
    """Adds up what the parts of one group take."""

    def __init__(self) -> None:
        self.us: dict[str, float] = {}

    def each(self, part: str, step: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """Do a step with each of the items."""
        started = time.thread_time_ns()
        done = list(map(step, items))
        self.us[part] = (time.thread_time_ns() - started) / 1e3 / TOGETHER
        return done


def _least(settings: MigrationSettings) -> dict[str, float]:
    parts: Parts = load(DEFAULT_PARTS)(settings)
    found: dict[str, float] = {}
    with closing(EngineRunner(load(DEFAULT_ENGINES)(settings), seal=Guard(trust_kin=False).sealed)) as cell:
        for number, jobs in enumerate(_groups()):
            for part, us in _group(jobs, parts, cell).items():
                if number:  # the first one is not counted
                    found[part] = min(us, found.get(part, us))
            gc.collect()
    return found


def _groups() -> Iterator[list[ShadowJob]]:
    jobs = worker_driver.Jobs()
    for _ in range(GROUPS):
        yield [jobs.next() for _ in range(TOGETHER)]


def _group(jobs: list[ShadowJob], parts: Parts, cell: EngineRunner) -> dict[str, float]:
    watch = _Stopwatch()
    bodies = watch.each("serving process, encode the job", encode, jobs)
    jobs = watch.each("worker, decode it", _jobs.decode, bodies)
    bodies = watch.each("worker, encode the cell's part", lambda job: encode(cell_job(job, parts)), jobs)
    tasks = watch.each("cell, decode it", _tasks.decode, bodies)
    runs = watch.each("cell, run the engine on its journal", cell.run, tasks)
    bodies = watch.each("cell, encode the run", encode, runs)
    runs = watch.each("worker, decode the run", _runs.decode, bodies)
    pairs = list(zip(jobs, runs, strict=True))
    judged = watch.each("worker, search for others' data and compare", lambda pair: judge(pair[0], pair[1].run(), parts), pairs)
    (results,) = watch.each("worker, store the group", lambda group: keep(group, parts), [judged])
    bodies = watch.each("worker, encode the result", encode, results)
    watch.each("serving process, decode it", _results.decode, bodies)
    return watch.us


_jobs: Final = msgspec.msgpack.Decoder(ShadowJob)
_tasks: Final = msgspec.msgpack.Decoder(CellJob)
_runs: Final = msgspec.msgpack.Decoder(CellRun)
_results: Final = msgspec.msgpack.Decoder(ShadowResult)
