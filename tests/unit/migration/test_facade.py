"""The routing facade: who serves, what the user sees, and that the migration itself cannot fail a run."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from prometheus_client import CollectorRegistry

from migration.effects import is_recorded, perform, run_ended
from migration.effects.journals.logs import tape_served_logs
from migration.facade import ExecutionFacade
from migration.flags.decision import Decision
from migration.isolation import Canaries, Neighbourhood
from migration.model import Event, Origin, Outcome, RunLog, RunRequest, Stage
from migration.stages import PLANS, STAGE_ORDER
from migration.telemetry.metrics import Metrics


def make_request(run_id: str = "r-1") -> RunRequest:
    return RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id=run_id, payload=b"{}", received_at=0.0)


def make_event(number: int) -> Event:
    return Event(kind="agent_thinking", lane="data", payload=b'{"n":%d}' % number, at_s=float(number))


class FakeEngine:
    """Yields its events, asks the model once before each, and fails at the end when told to."""

    def __init__(self, *events: Event, error: BaseException | None = None) -> None:
        self.events, self.error = events, error
        self.requests: list[RunRequest] = []
        self.closed = False

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        try:
            for event in self.events:
                await perform("model", "m", lane="data", request=event.payload, call=reply)
                yield event
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


async def reply() -> bytes:
    await asyncio.sleep(0)
    return b'"yes"'


class FakeFlags:
    def __init__(self, stage: Stage, *, sampled: bool = True, probability: float = 1.0) -> None:
        self.stage, self.drawn = stage, {"sampled": sampled, "probability": probability}
        self.ended: list[tuple[str, str]] = []

    def decide(self, _request):
        return Decision(plan=PLANS[self.stage], reason="flag", flag_key="execution-engine-chat", **self.drawn)

    def finished(self, request, _decision, outcome, _duration_s, /):
        self.ended.append((request.run_id, outcome))

    def compared(self, run_id, comparison, /):
        raise AssertionError("the facade never compares")


class FakeShadow:
    def __init__(self, error: Exception | None = None) -> None:
        self.offers: list[tuple] = []
        self.error = error

    def offer(self, job, /, *, shed=None):
        self.offers.append((job, shed))
        if self.error:
            raise self.error


class World:
    """A facade with fakes around it."""

    def __init__(
        self,
        stage=Stage.SHADOW,
        *,
        control=None,
        candidate=None,
        shadow=None,
        flags=None,
        writer=None,
        tombstones=None,
        outcome_by_events=None,
        neighbourhood=None,
    ) -> None:
        self.engines = {
            Origin.CONTROL: control or FakeEngine(make_event(1), make_event(2)),
            Origin.CANDIDATE: candidate or FakeEngine(make_event(3)),
        }
        self.flags = flags or FakeFlags(stage)
        self.shadow = shadow or FakeShadow()
        self.metrics = Metrics(registry=CollectorRegistry())
        self.unseen: list[tuple] = []
        self.facade = ExecutionFacade(
            surface="chat",
            engines=self.engines,
            flags=self.flags,
            shadow=self.shadow,
            metrics=self.metrics,
            writer=writer,
            unseen=lambda record, *more: self.unseen.append((record.request.run_id, *more)),
            tombstones=tombstones,
            outcome_by_events=outcome_by_events,
            neighbourhood=neighbourhood,
        )

    async def run(self) -> list[Event]:
        async with aclosing(self.facade.run(make_request())) as events:
            return [event async for event in events]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_only_the_engine_that_the_plan_names_runs_and_its_very_events_come_out(stage):
    world = World(stage)
    events = await world.run()
    serving = world.engines[PLANS[stage].serves]
    assert all(seen is given for seen, given in zip(events, serving.events, strict=True))
    assert not world.engines[PLANS[stage].serves.other].requests


@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_a_shadow_is_offered_exactly_when_the_plan_names_one(stage):
    world = World(stage)
    await world.run()
    assert [job.shadows for job, _ in world.shadow.offers] == [shadows for shadows in [PLANS[stage].shadows] if shadows]


async def test_events_are_passed_on_before_the_next_one_is_asked_for():
    world = World()
    async with aclosing(world.facade.run(make_request())) as events:
        first = await anext(events)
        assert first is world.engines[Origin.CONTROL].events[0]
        assert not world.engines[Origin.CONTROL].closed


async def test_the_record_holds_events_and_effects_in_order():
    world = World()
    await world.run()
    ((job, shed),) = world.shadow.offers
    assert shed is None
    assert job.record.events == world.engines[Origin.CONTROL].events
    assert [effect.request for effect in job.record.journal] == [b'{"n":1}', b'{"n":2}']
    assert job.record.outcome == "completed"


class NotingEngine(FakeEngine):
    """Notes whether its effects are recorded."""

    recorded: bool

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        self.recorded = is_recorded()
        logging.getLogger("engine").error("a line")
        async for event in super().run(request):
            yield event


class KeepingWriter:
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        self.records: list = []

    async def write(self, record, _decision, /):
        self.records.append(record)


@pytest.mark.parametrize("fails_over", [True, False])
@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("stage", STAGE_ORDER)
async def test_effects_are_recorded_exactly_when_a_shadow_or_a_failover_reads_them(stage, sampled, fails_over):
    engine, flags, writer = NotingEngine(make_event(1), make_event(2)), FakeFlags(stage, sampled=sampled), KeepingWriter()
    flags.drawn["fails_over"] = fails_over
    await World(control=engine, candidate=engine, flags=flags, writer=writer).run()
    (record,) = writer.records
    needed = fails_over or (sampled and stage in (Stage.SHADOW, Stage.LIVE))
    assert (engine.recorded, [effect.name for effect in record.journal]) == (needed, ["m", "m"] if needed else [])
    assert record.events == (make_event(1), make_event(2))


async def test_a_run_with_a_canary_is_recorded_at_every_stage():
    engine, canaries = NotingEngine(make_event(1)), Neighbourhood(Canaries(b"k" * 32), ["acme"])
    await World(Stage.OFF, control=engine, neighbourhood=canaries).run()
    assert engine.recorded


async def test_the_consumer_of_the_stream_never_records_into_the_run():
    world = World(Stage.SHADOW)
    async with aclosing(world.facade.run(make_request())) as events:
        async for _ in events:
            await perform("model", "m", lane="consumer", request=b"{}", call=reply)
    ((job, _),) = world.shadow.offers
    assert {effect.lane for effect in job.record.journal} == {"data"}


@pytest.mark.parametrize(("error", "outcome"), [(ValueError("secret text"), "failed"), (TimeoutError(), "timed_out")])
async def test_an_error_of_the_engine_passes_through_and_is_recorded_without_its_text(error, outcome):
    world = World(control=FakeEngine(make_event(1), error=error))
    with pytest.raises(type(error)) as raised:
        await world.run()
    assert raised.value is error
    ((job, _),) = world.shadow.offers
    assert (job.record.outcome, job.record.error.type, job.record.error.message) == (outcome, type(error).__name__, "")


class SayingEngine(FakeEngine):
    """Its adapter says how its run ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(make_event(1))
        self.outcome = outcome

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        async for event in super().run(request):
            yield event
        run_ended(self.outcome)


class FakeWriter:
    """Keeps records, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.written, self.error = [], error

    async def write(self, record, _decision, /):
        if self.error is not None:
            raise self.error
        self.written.append(record)


class FakeEnding:
    """What a backend decides about a run that is broken off, and what it hears."""

    def __init__(self, outcome: Outcome = "cancelled") -> None:
        self.outcome, self.heard = outcome, []

    def broken_off(self, _error, /):
        return self.outcome

    def settle(self, outcome, /):
        self.heard.append(outcome)


@pytest.mark.parametrize("outcome", ["completed", "failed", "timed_out"])
async def test_flags_metrics_spans_stores_shadow_and_backend_hear_what_the_engines_adapter_said(outcome):
    writer, ending = FakeWriter(), FakeEnding()
    world = World(control=SayingEngine(outcome), writer=writer)
    async for _ in world.facade.run(make_request(), ending):
        pass
    ((job, _),) = world.shadow.offers
    assert (job.record.outcome, writer.written[0].outcome, world.flags.ended[0][1], ending.heard) == (*[outcome] * 3, [outcome])
    assert world.count("migration_runs_total", surface="chat", stage="shadow", origin="control", outcome=outcome) == 1


@pytest.mark.parametrize(("engine", "outcome"), [(FakeEngine(make_event(1)), "failed"), (SayingEngine("timed_out"), "timed_out")])
async def test_the_events_say_how_a_run_ended_when_its_engine_does_not(engine, outcome):
    writer = FakeWriter()
    await World(control=engine, writer=writer, outcome_by_events=lambda events: "failed" if len(events) == 1 else "completed").run()
    assert [record.outcome for record in writer.written] == [outcome]


async def test_a_run_that_its_backend_cuts_is_written_counted_and_not_shadowed():
    writer, ending = FakeWriter(), FakeEnding("cut")
    world = World(writer=writer)
    async with aclosing(world.facade.run(make_request(), ending)) as events:
        await anext(events)
    assert ([record.outcome for record in writer.written], ending.heard) == (["cut"], ["cut"])
    assert [shed for _, shed in world.shadow.offers] == ["cancelled"]
    assert world.count("migration_runs_total", surface="chat", stage="shadow", origin="control", outcome="cut") == 1


async def test_a_run_that_no_store_takes_has_failed_for_everybody_but_the_comparison():
    world, ending = World(writer=FakeWriter(OSError("disk full"))), FakeEnding()
    with pytest.raises(OSError, match="disk full"):
        async for _ in world.facade.run(make_request(), ending):
            pass
    ((job, _),) = world.shadow.offers
    assert (job.record.outcome, world.flags.ended[0][1], ending.heard[-1]) == ("completed", "failed", "failed")
    assert world.count("migration_runs_total", surface="chat", stage="shadow", origin="control", outcome="failed") == 1


async def test_a_client_that_leaves_stops_the_engine_and_the_run_counts_as_cancelled():
    world = World()
    async with aclosing(world.facade.run(make_request())) as events:
        await anext(events)
    assert world.engines[Origin.CONTROL].closed
    assert world.flags.ended == [("r-1", "cancelled")]
    assert [shed for _, shed in world.shadow.offers] == ["cancelled"]


@pytest.mark.parametrize(("probability", "stored"), [(0.25, [("r-1", Stage.SHADOW, "not_sampled", 0.25)]), (0.0, [])])
async def test_a_run_that_was_not_drawn_is_counted_as_that_and_not_offered(probability, stored):
    world = World(flags=FakeFlags(Stage.SHADOW, sampled=False, probability=probability))
    await world.run()
    assert (world.shadow.offers, world.count("migration_shadow_not_sampled_total", surface="chat")) == ([], 1)
    assert world.unseen == stored


async def test_a_job_carries_the_probability_with_which_its_run_was_drawn():
    world = World(flags=FakeFlags(Stage.SHADOW, probability=0.25))
    await world.run()
    assert [job.probability for job, _ in world.shadow.offers] == [0.25]


async def test_a_plan_is_pinned_when_the_flag_changes_in_the_middle_of_a_run():
    world = World(Stage.SHADOW)
    async with aclosing(world.facade.run(make_request())) as events:
        await anext(events)
        world.flags.stage = Stage.COMPLETE
        rest = [event async for event in events]
    assert rest == [make_event(2)]
    assert not world.engines[Origin.CANDIDATE].requests
    ((job, _),) = world.shadow.offers
    assert job.stage is Stage.SHADOW
    assert world.count("migration_runs_total", surface="chat", stage="shadow", origin="control", outcome="completed") == 1


async def test_a_shadow_that_raises_on_offer_fails_nothing_and_is_counted():
    world = World(shadow=FakeShadow(RuntimeError("full")))
    assert len(await world.run()) == 2
    assert world.count("migration_failures_total", operation="shadow.offer") == 1


async def test_flags_that_raise_at_the_end_fail_nothing_and_the_shadow_is_still_offered():
    class BrokenFlags(FakeFlags):
        def finished(self, *_args):
            raise RuntimeError

    world = World(flags=BrokenFlags(Stage.SHADOW))
    assert len(await world.run()) == 2
    assert world.count("migration_failures_total", operation="flags.track") == 1
    assert len(world.shadow.offers) == 1


async def test_a_run_whose_authoritative_store_fails_is_reported_failed_and_still_counted():
    class FullDisk:
        async def write(self, record, decision, /):
            raise OSError("disk full")

    world = World(writer=FullDisk())
    with pytest.raises(OSError, match="disk full"):
        await world.run()
    assert len(world.shadow.offers) == 1


async def test_two_runs_at_once_keep_their_journals_apart():
    world = World()

    async def run(run_id: str) -> None:
        async with aclosing(world.facade.run(make_request(run_id))) as events:
            async for _ in events:
                await asyncio.sleep(0)

    await asyncio.gather(run("r-1"), run("r-2"))
    assert [len(job.record.journal) for job, _ in world.shadow.offers] == [2, 2]


class TalkativeEngine(FakeEngine):
    """Logs the id of each run that it gets."""

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        logging.getLogger("engine").warning("run %s", request.run_id)
        async for event in super().run(request):
            yield event


async def test_what_the_serving_engine_logs_goes_to_the_shadow_with_the_run():
    root = logging.getLogger()
    before = list(root.handlers)
    tape_served_logs()
    try:
        talkative, silent = World(control=TalkativeEngine(make_event(1))), World()
        await talkative.run()
        await silent.run()
    finally:
        root.handlers[:] = before
    (told, _), (nothing, _) = talkative.shadow.offers[0], silent.shadow.offers[0]
    assert (told.log, nothing.log) == (RunLog(lines=("run r-1",)), None)


class Counted:
    """Remembers what was counted, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs: list[tuple[str, Stage]] = []
        self.error = error

    def count(self, surface, plan, /):
        self.runs.append((surface, plan.stage))
        if self.error:
            raise self.error


async def test_a_run_is_counted_when_it_begins_so_that_one_without_an_end_counts_too():
    counted = Counted()
    world = World(Stage.OFF, tombstones=counted)
    async with aclosing(world.facade.run(make_request())) as events:
        await anext(events)
        assert counted.runs == [("chat", Stage.OFF)]
    assert len(counted.runs) == 1


async def test_a_count_that_fails_is_counted_as_a_failure_and_fails_no_run():
    world = World(Stage.OFF, tombstones=Counted(RuntimeError("broken")))
    assert len(await world.run()) == 2
    assert world.count("migration_failures_total", operation="stores.tombstones") == 1
