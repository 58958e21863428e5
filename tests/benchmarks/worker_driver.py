"""One shadow worker of one build under load: `python -m tests.benchmarks.worker_driver ENGINE`, with that build first on the import path.

Reads how many jobs to offer, a line each, and answers with the CPU seconds that the worker's processes took for them and with how they
ended. What it uses of `migration` is there in all builds that are measured.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry

from migration.effects import perform
from migration.model import Event, Origin, RunRecord, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowJob, ShadowResult
from migration.telemetry.metrics import Metrics
from tests.benchmarks.streams import REQUEST, events, frames, prompt, record

EFFECTS: Final = 10
AGENTS: Final = 2  #: 40 events
_AT_ONCE: Final = 200  #: jobs that wait at a time: fewer than a queue takes
_PATIENCE_S: Final = 120.0
_READY_S: Final = 0.01
_PROMPTS: Final = [prompt(number) for number in range(EFFECTS)]


async def _nobody() -> bytes:
    raise RuntimeError("a replay must not reach the outside")


class Engine:
    """Asks for its effects, one before every fourth event, and emits what it was given, computing nothing."""

    def __init__(self, said: tuple[Event, ...]) -> None:
        self._said = said

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield the events."""
        asked = 0
        for number, event in enumerate(_of_run(self._said, request.run_id)):
            if number % 4 == 0:
                await perform("model", "default", lane=f"agent{asked % 2}", request=_PROMPTS[asked], call=_nobody)
                asked += 1
            yield event


def _said(answer: str) -> tuple[Event, ...]:
    """Return what the engine that shadows says, with that as its last answer."""
    said = frames(AGENTS, 1)
    said[-1][1]["payload"]["result"]["final_answer"] = answer
    return events(said)


_AGREEING: Final = _said("Use the small model.")  # control's own answer
_DIFFERING: Final = _said("Use the large model.")


def agreeing(_surface: str, _origin: Origin) -> Engine:
    """Return an engine that says the same."""
    return Engine(_AGREEING)


def differing(_surface: str, _origin: Origin) -> Engine:
    """Return an engine that gives another answer."""
    return Engine(_DIFFERING)


def _of_run(said: tuple[Event, ...], run_id: str) -> list[Event]:
    """Return the events of another run. Frames name their run, and evidence is kept once a run."""
    payloads = b"\0".join([event.payload for event in said]).replace(REQUEST.run_id.encode(), run_id.encode()).split(b"\0")
    return [
        Event(kind=event.kind, lane=event.lane, payload=payload, at_s=event.at_s) for event, payload in zip(said, payloads, strict=True)
    ]


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and of those that it started."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    # The clock of another process, as clock_getcpuclockid(3) makes it.
    return time.clock_gettime((~pid << 3) | 2) + sum(map(_cpu_s, children))


class Jobs:
    """Served runs, each of its own, to be shadowed."""

    def __init__(self) -> None:
        self._served, self._number = record(Origin.CONTROL, frames(AGENTS), EFFECTS), 0

    def next(self) -> ShadowJob:
        """Return the next one."""
        self._number += 1
        run_id = f"{self._number:032x}"  # as a backend makes them
        request = msgspec.structs.replace(self._served.request, run_id=run_id)
        served: RunRecord = msgspec.structs.replace(self._served, request=request, events=tuple(_of_run(self._served.events, run_id)))
        return ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=10.0)


class _Load:
    """Jobs for one worker."""

    def __init__(self, home: Path, engine: str) -> None:
        self._jobs = Jobs()
        self._ends: Counter[str] = Counter()
        settings = MigrationSettings(
            home=home,
            engines=f"{__spec__.name}:{engine}",
            surfaces=("chat",),
            noise_sampling=0.0,
            shadow_priority="normal",
        )
        self.shadow = ProcessShadow(settings, Metrics(registry=CollectorRegistry()), self._count)

    async def offer(self, jobs: int) -> tuple[float, Counter[str]]:
        """Have the worker do so many jobs. Returns its CPU seconds, and how many jobs ended how."""
        pid = self.shadow.worker_pid or 0
        before = _cpu_s(pid)
        for first in range(0, jobs, _AT_ONCE):
            for _ in range(first, min(jobs, first + _AT_ONCE)):
                self.shadow.offer(self._jobs.next())
            if not await self.shadow.drain(_PATIENCE_S):
                raise SystemExit("the worker does not get done")
        ends, self._ends = self._ends, Counter()
        return _cpu_s(pid) - before, ends

    def _count(self, result: ShadowResult) -> None:
        end = result.comparison.verdict.value if result.comparison else f"{result.failed}: {result.detail}"
        self._ends[" ".join([end, *result.failures])] += 1


async def main(engine: str) -> None:
    """Answer line by line."""
    with tempfile.TemporaryDirectory() as folder:
        load = _Load(Path(folder), engine)
        await load.shadow.start()
        try:
            while line := await asyncio.to_thread(sys.stdin.readline):
                print(msgspec.json.encode(await load.offer(int(line))).decode(), flush=True)  # noqa: T201 - to whoever measures
        finally:
            await load.shadow.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
