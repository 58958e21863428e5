import asyncio
from contextlib import suppress

import pytest

from migration.effects.journals.journal import JournalLimits
from migration.errors import UnknownSurfaceError
from migration.shadow.runner import RunLimits, run_shadow


async def test_a_shadow_runs_on_the_recorded_journal(job, builder, look) -> None:
    run = await run_shadow(job(), builder(look))
    assert run.record is not None
    assert [event.kind for event in run.record.events] == ["agent_started", "agent_completed"]
    assert [effect.reply for effect in run.record.journal] == [b"1"]
    assert (run.record.outcome, run.record.trace_id, run.tally.replayed, run.tally.performed) == ("completed", "a" * 32, 1, 0)


async def test_events_are_stamped_by_the_clock_of_the_replay(job, builder, look) -> None:
    readings = iter(range(100))
    run = await run_shadow(job(), builder(look), clock=lambda: float(next(readings)))
    assert run.record is not None
    stamps = [event.at_s for event in run.record.events]
    assert stamps == sorted(stamps)
    assert 0.0 < stamps[0] < stamps[1] < run.record.duration_s


async def raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ValueError("secret"), "failed"), (SystemExit(1), "failed"), (KeyboardInterrupt(), "failed"), (TimeoutError(), "timed_out")],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_what_an_engine_raises_is_on_its_record_by_type_alone(job, builder, error, outcome) -> None:
    run = await run_shadow(job(), builder(lambda: raises(error)))
    assert run.record is not None
    assert run.record.error is not None
    assert (run.record.outcome, run.record.error.type, run.record.error.message) == (outcome, type(error).__name__, "")


async def test_a_run_that_hangs_ends_at_its_deadline(job, builder, never) -> None:
    run = await run_shadow(job(deadline_s=0.01), builder(never))
    assert (run.record, run.failed, run.spoiled) == (None, "deadline", False)


async def test_a_run_that_cannot_be_cancelled_is_left_and_said_to_spoil_the_process(job, builder) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    run = await run_shadow(job(deadline_s=0.01), builder(stubborn), limits=RunLimits(close_s=0.01))
    release.set()
    assert (run.failed, run.spoiled) == ("deadline", True)


async def test_when_the_caller_is_cancelled_the_engine_is_stopped(job, builder) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def body() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    task = asyncio.create_task(run_shadow(job(), builder(body)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()


@pytest.mark.parametrize("limits", [JournalLimits(events=1), JournalLimits(size_bytes=3)], ids=["events", "bytes"])
async def test_a_flood_of_events_is_cut_off(job, builder, look, limits) -> None:
    run = await run_shadow(job(), builder(look), limits=RunLimits(journal=limits))
    assert (run.record, run.failed) == (None, "engine")


async def test_a_flood_of_effects_is_cut_off(job, builder, look) -> None:
    async def twice() -> None:
        for _ in range(2):
            with suppress(Exception):
                await look()

    run = await run_shadow(job(), builder(twice), limits=RunLimits(journal=JournalLimits(effects=1)))
    assert (run.record, run.failed) == (None, "engine")


async def test_an_engine_out_of_memory_has_no_verdict_and_spoils_the_process(job, builder) -> None:
    run = await run_shadow(job(), builder(lambda: raises(MemoryError())))
    assert (run.record, run.failed, run.spoiled) == (None, "engine", True)


async def test_an_engine_that_cannot_be_built_has_no_verdict(job) -> None:
    def build(surface: str, _origin: object) -> object:
        raise UnknownSurfaceError(surface, [])

    run = await run_shadow(job(), build)
    assert (run.failed, run.detail) == ("engine", "the engine could not be built: UnknownSurfaceError")


async def test_the_code_around_a_replay_is_not_part_of_it(job, builder, look) -> None:
    await run_shadow(job(), builder(look))
    with pytest.raises(AssertionError, match="performs no effect"):
        await look()
