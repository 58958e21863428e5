"""Who beats lives; who does not is declared dead, and somebody is told."""

import asyncio
from collections.abc import Callable
from typing import Any

from netra_backend.app.agents.supervisor.execution_tracker import ExecutionState, ExecutionTracker, Heartbeat, TrackedExecution

Virtual = Callable[..., Any]


def start(tracker: ExecutionTracker) -> TrackedExecution:
    return tracker.start(agent_name="data", user_id="ann", run_id="run-7")


def test_an_execution_without_a_beat_is_declared_dead_to_everybody_who_asked(virtual: Virtual) -> None:
    told: list[tuple[str, float]] = []

    async def scenario() -> TrackedExecution:
        tracker, loop = ExecutionTracker(), asyncio.get_running_loop()

        def breaks(_execution: TrackedExecution) -> None:
            raise KeyError("callback")

        tracker.add_death_callback(breaks)
        tracker.add_death_callback(lambda execution: told.append((execution.run_id, loop.time())))
        execution = start(tracker)
        await asyncio.sleep(60)
        assert tracker.running == ()
        return execution

    assert virtual(scenario()).state is ExecutionState.DEAD
    assert told == [("run-7", 15.0)]


def test_a_heartbeat_keeps_it_alive(virtual: Virtual) -> None:
    async def scenario() -> tuple[int, int]:
        tracker = ExecutionTracker()
        heartbeat = Heartbeat(tracker, start(tracker))
        await asyncio.sleep(60.5)
        heartbeat.stop()
        alive = len(tracker.running)
        tracker.finish(tracker.running[0], ExecutionState.COMPLETED)
        return heartbeat.beats, alive

    assert virtual(scenario()) == (30, 1)


def test_a_blocked_loop_is_not_taken_for_a_death(virtual: Virtual) -> None:
    async def scenario() -> int:
        tracker, loop = ExecutionTracker(), asyncio.get_running_loop()
        execution = start(tracker)
        heartbeat = Heartbeat(tracker, execution)
        await asyncio.sleep(4.9)
        loop._now_s += 60  # type: ignore[attr-defined]  # nothing ran for a minute
        await asyncio.sleep(20)
        heartbeat.stop()
        alive = len(tracker.running)
        tracker.finish(execution, ExecutionState.COMPLETED)
        return alive

    assert virtual(scenario()) == 1


def test_an_idle_tracker_has_no_timer_and_counts_each_ending_once(virtual: Virtual) -> None:
    async def scenario() -> None:
        tracker = ExecutionTracker()
        execution = start(tracker)
        tracker.finish(execution, ExecutionState.FAILED)
        tracker.finish(execution, ExecutionState.COMPLETED)
        assert tracker._timer is None
        assert {state: count for state, count in tracker.ended.items() if count} == {ExecutionState.FAILED: 1}

    virtual(scenario())


def test_a_tracker_goes_on_in_another_loop(virtual: Virtual) -> None:
    tracker = ExecutionTracker()
    dead: list[str] = []
    tracker.add_death_callback(lambda execution: dead.append(execution.run_id))

    async def leave_behind() -> None:
        start(tracker)

    async def go_on() -> None:
        tracker.start(agent_name="data", user_id="ann", run_id="run-8")
        await asyncio.sleep(60)

    virtual(leave_behind())
    virtual(go_on())
    assert "run-8" in dead
