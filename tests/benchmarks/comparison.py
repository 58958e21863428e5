"""The comparison against DeepDiff on whole streams, both from bytes to a verdict, in one process and one run.

Times are CPU seconds of this process, the smallest of several rounds: other load on the machine then counts least.
`python tests/benchmarks/comparison.py` prints a table; `measure()` gives the numbers for `build/bench.json`.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, TypedDict

import msgspec
from deepdiff import DeepDiff

from migration.comparison import compare
from migration.model import Comparison, Effect, Event, Origin, RunRecord, RunRequest, Stage, Verdict

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="thread-7", run_id="run-42", payload=b"{}", received_at=0.0)
CALLS = 8
Frame = dict[str, Any]


class Measured(TypedDict):
    """One row of `build/bench.json`."""

    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None


def frames(agents: int, variant: int) -> list[tuple[str, Frame]]:
    """Return what that many agents say, each with 8 tool calls: 20 events an agent. A variant differs in times and ids only."""
    said: list[tuple[str, str, Frame]] = []
    for number in range(agents):
        agent = f"agent{number}"
        said.append((agent, "agent_started", {"status": "started", "message": "Started.", "context": {"request_id": f"r{variant}"}}))
        said.append((agent, "agent_thinking", {"reasoning": "What costs the most, and why?", "step_number": 1, "progress_percentage": 15}))
        for call in range(CALLS):
            lane, tool = f"{agent}/tool{call}#1", f"tool{call}"
            said.append((lane, "tool_executing", {"tool_name": tool, "parameters": {"days": 30, "model": "large-2"}}))
            text = f'{{"rows": [{number}, {call}, 12.5, 99], "currency": "USD", "note": "costs by model and day"}}'
            done = {"tool_name": tool, "result": text, "execution_time_ms": 3.25 + variant, "status": "success"}
            said.append((lane, "tool_completed", done))
        said.append((agent, "agent_thinking", {"reasoning": "Now the savings.", "step_number": 2, "progress_percentage": 30}))
        result = {"agent_name": agent, "success": True, "final_answer": "Use the small model.", "error": None}
        timed = {**result, "duration_ms": 40.5 + variant, "step_count": 2}
        said.append((agent, "agent_completed", {"status": "completed", "result": timed}))
    return [
        (
            lane,
            {
                "type": kind,
                "tenant_id": "acme",
                "user_id": "ann",
                "thread_id": "thread-7",
                "run_id": "run-42",
                "agent_name": lane.partition("/")[0],
                "sequence": place,
                "timestamp": 1.7e9 + variant * 100 + place / 8,
                "payload": payload,
            },
        )
        for place, (lane, kind, payload) in enumerate(said, 1)
    ]


def record(origin: Origin, said: list[tuple[str, Frame]], effects: int = 0) -> RunRecord:
    """Return the run that said this."""
    events = tuple(Event(kind=frame["type"], lane=lane, payload=msgspec.json.encode(frame), at_s=0.0) for lane, frame in said)
    request = msgspec.json.encode({"messages": [{"role": "system", "content": "You are."}, {"role": "user", "content": "Why? " * 40}]})
    journal = tuple(
        Effect(
            kind="model",
            name="m",
            lane=f"agent{n % 2}",
            key="",
            request=request,
            reply=b"{}",
            error=None,
            started_s=n / 10,
            duration_s=0.05,
        )
        for n in range(effects)
    )
    return RunRecord(request=REQUEST, origin=origin, events=events, journal=journal, outcome="completed", duration_s=2.0, trace_id=None)


def ours(control: RunRecord, candidate: RunRecord) -> Comparison:
    """Compare the runs."""
    return compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL)


def deepdiff(control: RunRecord, candidate: RunRecord) -> object:
    """Decode both streams and compare them as whole lists."""
    ours, theirs = ([msgspec.json.decode(event.payload) for event in run.events] for run in (control, candidate))
    return DeepDiff(ours, theirs)


def best_us(call: Callable[[], object], *, rounds: int, calls: int) -> float:
    """Return microseconds of CPU time a call takes, in the best of several rounds."""
    call()
    times = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(calls):
            call()
        times.append((time.process_time() - started) / calls)
    return min(times) * 1e6


def measure() -> dict[str, Measured]:
    """Return all numbers by name."""
    said, other_times = frames(10, 0), frames(10, 1)
    one_leaf = frames(10, 0)
    one_leaf[99][1]["payload"]["result"]["final_answer"] = "Use the large model."
    one_missing = [*said[:101], *said[102:]]
    control = record(Origin.CONTROL, said)
    pairs = {
        "identical": (said, Verdict.MATCH),
        "other times and ids": (other_times, Verdict.MATCH),
        "one changed leaf": (one_leaf, Verdict.DIVERGENT),
        "one missing event": (one_missing, Verdict.DIVERGENT),
    }
    measured: dict[str, Measured] = {}
    for name, (candidate_said, verdict) in pairs.items():
        candidate = record(Origin.CANDIDATE, candidate_said)
        found = ours(control, candidate)
        if found.verdict is not verdict:
            raise SystemExit(f"{name}: the verdict is {found.verdict.value}, so the time would mean nothing")
        mine = best_us(lambda candidate=candidate: ours(control, candidate), rounds=15, calls=20)  # type: ignore[misc]  # the default is bound at once
        peer = best_us(lambda candidate=candidate: deepdiff(control, candidate), rounds=3, calls=1)  # type: ignore[misc]  # the default is bound at once
        measured[f"comparison, 200 events, {name}"] = Measured(
            value=round(mine, 1), unit="us", peer="DeepDiff, whole streams", peer_value=round(peer, 1), ratio=round(peer / mine, 1)
        )
    job = record(Origin.CONTROL, frames(2, 0), effects=10), record(Origin.CANDIDATE, frames(2, 1), effects=10)
    value = round(best_us(lambda: ours(*job), rounds=15, calls=50), 1)
    measured["comparison, 40 events and 10 effects"] = Measured(value=value, unit="us", peer=None, peer_value=None, ratio=None)
    return measured


def main() -> None:
    """Print the numbers as a table."""
    for name, row in measure().items():
        against = "" if row["ratio"] is None else f"   {row['peer']} {row['peer_value']:>10.1f} us   {row['ratio']:>6.1f} times"
        sys.stdout.write(f"{name:<46}{row['value']:>8.1f} {row['unit']}{against}\n")


if __name__ == "__main__":
    main()
