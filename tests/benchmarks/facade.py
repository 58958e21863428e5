"""What the migration costs the requests: the decision, the facade around an engine, the journal of effects, the offer to the shadow."""

import asyncio
import io
import logging
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import msgspec
from ldclient.migrations import Stage as LaunchDarklyStage
from prometheus_client import CollectorRegistry

from migration.effects import perform
from migration.effects.journals.logs import tape_served_logs
from migration.effects.journals.recording import Recording
from migration.effects.ports import activate, deactivate
from migration.facade import ExecutionFacade
from migration.flags.meaning.contexts import context
from migration.flags.meaning.data import surface_flag_key
from migration.flags.serving import LaunchDarklyFlags
from migration.model import Event, Origin, RunRequest, Stage, encode
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowResult
from migration.shadow.frames import frame
from migration.shadow.job import ShadowJob, ShedReason
from migration.telemetry.metrics import Metrics
from tests.benchmarks.measuring import Measured, against, alone, beside, typical_us
from tests.benchmarks.streams import REQUEST, events, frames, prompt, record
from tests.unit.migration.flags.making import clause, flag_file, rollout, rule, surface_flag

EFFECTS = 10
RUNS = 50  #: between two looks at the clock


class Engine:
    """Emits its events, each the same turn of the loop."""

    def __init__(self, said: tuple[Event, ...], effects: int = 0) -> None:
        self._said, self._requests = said, [prompt(number) for number in range(effects)]

    async def run(self, _request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Ask for the effects, then yield the events."""
        for request in self._requests:
            await perform("model", "default", lane="data", request=request, call=_answer)
        for event in self._said:
            yield event


async def _answer() -> bytes:
    return b'{"message":{"role":"assistant","content":"The small one."},"usage":null}'


class NoShadow:
    """Takes every job and forgets it."""

    def offer(self, _job: ShadowJob, /, *, shed: ShedReason | None = None) -> None:
        """Forget the job."""


@contextmanager
def _flags(settings: MigrationSettings, metrics: Metrics) -> Iterator[LaunchDarklyFlags]:
    """Every tenant is at `shadow`, those with attributes by a rule."""
    everybody = rule({"variation": 2}, clause("plan", "in", "pro", "free"), clause("region", "in", "eu"))
    settings.path(settings.flags_file).write_bytes(flag_file(surface_flag(rules=[everybody], fallthrough=rollout(shadow=100))))
    flags = LaunchDarklyFlags(settings, metrics)
    try:
        yield flags
    finally:
        flags.close()


def run() -> dict[str, Measured]:
    """Measure what comes before, during and after a request, traced as in production."""
    metrics = Metrics(registry=CollectorRegistry())
    with tempfile.TemporaryDirectory() as folder:
        settings = MigrationSettings(home=Path(folder), surfaces=("chat",))
        line = _line()
        with _flags(settings, metrics) as flags:
            decided = _decision(flags)
            ruler = next(row["peer_value"] for row in decided.values()) or 0.0
            return decided | _facade(flags, metrics, ruler) | _recording(flags, metrics) | line | asyncio.run(_offer(settings, metrics))


def _line() -> dict[str, Measured]:
    """Measure a line that a served run logs, beside the same line untaped; the handler that tapes stays, as in production."""
    logger = logging.getLogger("benchmark")
    logging.getLogger().handlers[:] = [logging.StreamHandler(io.StringIO())]

    def say() -> None:
        logger.warning("tool %s failed for %s", "usage_summary", "data")

    plain = typical_us(say, calls=1000)
    tape_served_logs()
    beside_runs = typical_us(say, calls=1000)

    def recorded() -> None:
        token = activate(Recording(REQUEST))
        for _ in range(100):
            say()
        deactivate(token)

    taped = typical_us(recorded, calls=10) / 100
    return {
        "taping, on top of a line that a run logs": beside(taped - plain, "us", "logging the line", plain, plain / (taped - plain)),
        "taping, on top of a line of nobody's run": beside(
            beside_runs - plain, "us", "logging the line", plain, plain / (beside_runs - plain)
        ),
    }


def _decision(flags: LaunchDarklyFlags) -> dict[str, Measured]:
    """Measure a decision from the cache, without attributes and with some that a rule looks at, beside LaunchDarkly's own evaluation."""
    measured: dict[str, Measured] = {}
    for what, attributes in (("", b""), (", rules on attributes", b'{"plan":"pro","region":"eu"}')):
        request = msgspec.structs.replace(REQUEST, attributes=attributes)
        asked = context(flags.attributes.described(request.tenant_id, attributes), "chat")
        decision = flags.decide(request)
        if decision.plan.stage is not Stage.SHADOW:
            raise SystemExit(f"the plan is {decision.plan}, so the time would mean nothing")
        value, peer_value, ratio = against(
            partial(flags.decide, request),
            partial(flags._client.migration_variation, surface_flag_key("chat"), asked, LaunchDarklyStage.OFF),
            calls=5000,
            peer_calls=2000,
        )
        measured[f"decide(), a request{what}"] = beside(value, "us", "migration_variation() itself", peer_value, ratio)
    return measured


def _facade(flags: LaunchDarklyFlags, metrics: Metrics, ruler_us: float) -> dict[str, Measured]:
    """Measure runs of 1 and of 200 events with the facade and without; what is between them grows with the events.

    Beside a run stands what LaunchDarkly's own evaluation took a moment before.
    """
    with asyncio.Runner() as runner:
        extra: dict[int, float] = {}
        for said in (events(frames(1))[:1], events(frames(10))):
            engine = Engine(said)
            facade = _around(engine, flags, metrics)
            with_facade, engine_alone, _ = against(
                partial(_turns, runner, facade),
                partial(_turns, runner, engine),
                calls=4,
                peer_calls=4,
            )
            extra[len(said)] = (with_facade - engine_alone) / RUNS
    an_event = (extra[200] - extra[1]) / 199
    a_run = extra[1] - an_event
    return {
        "facade, on top of a run": beside(a_run, "us", "migration_variation() itself", ruler_us, ruler_us / a_run),
        "facade, on top of an event": alone(an_event, "us"),
    }


def _recording(flags: LaunchDarklyFlags, metrics: Metrics) -> dict[str, Measured]:
    """Measure what an effect costs more in a recorded run than in one without effects, beside the same effect that is not recorded."""
    with asyncio.Runner() as runner:
        engines = Engine((), EFFECTS), Engine(())
        (recorded, nothing), (performed, silent) = (
            [typical_us(partial(_turns, runner, each), calls=4, rounds=15) / RUNS for each in pair]
            for pair in ([_around(engine, flags, metrics) for engine in engines], engines)
        )
    return {"recording, on top of an effect": alone(((recorded - nothing) - (performed - silent)) / EFFECTS, "us")}


def _around(engine: Engine, flags: LaunchDarklyFlags, metrics: Metrics) -> ExecutionFacade:
    engines = {Origin.CONTROL: engine, Origin.CANDIDATE: engine}
    return ExecutionFacade(surface="chat", engines=engines, flags=flags, shadow=NoShadow(), metrics=metrics)


def _turns(runner: asyncio.Runner, engine: Engine | ExecutionFacade) -> None:
    runner.run(_consume(engine))


async def _consume(engine: Engine | ExecutionFacade) -> None:
    for _ in range(RUNS):
        async for _event in engine.run(REQUEST):
            pass


class Link:
    """The parent's end of a worker that only reads: a real pipe, emptied by the benchmark."""

    pid, blocked = 0, False

    def __init__(self, on_frame: Callable[[bytes], None], on_exit: Callable[[int], None]) -> None:
        self.hear, self._on_exit = on_frame, on_exit
        self.far, self._near = os.pipe()
        os.set_blocking(self.far, False)

    def send(self, body: bytes) -> None:
        """Write into the pipe."""
        os.write(self._near, frame(body))

    def answer(self, result: ShadowResult) -> None:
        """Empty the pipe and answer the job."""
        os.read(self.far, 2**20)
        self.hear(encode(result))

    def kill(self) -> None:
        """Be gone."""
        self.hang_up()

    def end(self) -> None:
        """Be gone."""
        self.hang_up()

    def hang_up(self) -> None:
        """Be gone."""
        os.close(self.far)
        os.close(self._near)
        self._on_exit(0)


async def _offer(settings: MigrationSettings, metrics: Metrics) -> dict[str, Measured]:
    """Measure the offer of a run of 40 events and 10 effects: encode it, write it into the worker's pipe."""
    links: list[Link] = []

    def spawn(*, on_frame: Callable[[bytes], None], on_exit: Callable[[int], None], **_: object) -> Link:
        links.append(Link(on_frame, on_exit))
        return links[0]

    shadow = ProcessShadow(settings, metrics, lambda _result: None, spawn=spawn)
    await shadow.start()
    links[0].hear(b"")
    job = ShadowJob(record=record(Origin.CONTROL, frames(2), EFFECTS), stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=10.0)
    done = ShadowResult(run_id=REQUEST.run_id, comparison=None, failed="engine")
    took = []
    for _ in range(3000):
        started = time.perf_counter_ns()
        shadow.offer(job)
        took.append((time.perf_counter_ns() - started) / 1e3)
        links[0].answer(done)
    await shadow.aclose()
    return {"offer of a run to the shadow, 40 events and 10 effects": alone(median(took), "us")}
