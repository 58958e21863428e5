"""How many whole jobs a shadow worker does in a second of CPU time, beside another build: decode, replay, compare, keep the evidence.

The engine emits 40 events, asks for 10 effects and computes nothing, so the time is that of the tool: of the worker's process and of those
that it starts. Both builds do the same jobs in turn, with the same packages. `BASE` of the environment names another commit, or a folder
with a build.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO, Final

import msgspec

from tests.benchmarks.builds import build
from tests.benchmarks.measuring import Measured, beside

BEFORE: Final = "a2b7ca7"
ROUNDS: Final = 9
JOBS: Final = 400  #: of each round
_MEASURES: Final = {
    "worker, jobs of 40 events and 10 effects, matches": ("agreeing", "match"),
    "worker, the same, divergences": ("differing", "divergent"),
}
_HERE: Final = Path(__file__).parents[2]
_answer: Final = msgspec.json.Decoder(tuple[float, dict[str, int]])


def run() -> dict[str, Measured]:
    """Return jobs a second of both builds, for each kind of job.

    Raises:
        RuntimeError: a job ended otherwise than it should have.
    """
    base = os.environ.get("BASE", BEFORE)
    rows: dict[str, Measured] = {}
    with build(base, "migration", "netra_backend", "ledger") as before:
        for name, (engine, verdict) in _MEASURES.items():
            with _worker(_HERE, engine) as ours, _worker(before, engine) as theirs:
                for one in (ours, theirs):
                    one.jobs_per_s(JOBS, verdict)  # warm
                pairs = [(ours.jobs_per_s(JOBS, verdict), theirs.jobs_per_s(JOBS, verdict)) for _ in range(ROUNDS)]
            value, peer = (median(side) for side in zip(*pairs, strict=True))
            rows[name] = beside(value, "jobs/s of CPU time", base, peer, median(mine / other for mine, other in pairs))
    return rows


class _Worker:
    """A worker of one build, under load."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders, self._answers = orders, answers

    def jobs_per_s(self, jobs: int, verdict: str) -> float:
        """Return jobs a second of CPU time, in so many jobs that must come to this verdict."""
        self._orders.write(f"{jobs}\n")
        self._orders.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the worker ended")
        seconds, ends = _answer.decode(line)
        if ends != {verdict: jobs}:
            raise RuntimeError(f"not every job came to {verdict!r}: {ends}")
        return jobs / seconds


@contextmanager
def _worker(folder: Path, engine: str) -> Iterator[_Worker]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NETRA_")}
    environment["PYTHONPATH"] = f"{folder}{os.pathsep}{_HERE}"
    command = [sys.executable, "-P", "-m", "tests.benchmarks.worker_driver", engine]
    with subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        with contextlib.closing(process.stdin):
            yield _Worker(process.stdin, process.stdout)
