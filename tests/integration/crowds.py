"""Fifty chats at once on one engine without shared state, each replayed alone by another one: what differs is the tool's own fault."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration.comparison.compare import compare
from migration.effects.journals.recording import Recording
from migration.model import Origin, RunRecord, RunRequest, Stage, Verdict
from migration.shadow.runner import RunLimits, replay_run
from migration.shadow.virtual_time import VirtualTimeLoop
from netra_backend.app.candidate import Candidate
from netra_backend.app.execution import BackendEngine, recorded
from netra_backend.app.services.llm.chat_model import FunctionCall, Message, ModelReply, ModelRequest, ToolCall
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import World

AT_ONCE = 50
TOOLS = default_registry().specs()


class Slow:
    """Every port: answers that tell whose they are, each after a while of its own, so that the chats interleave."""

    def __init__(self, seed: int) -> None:
        self._chance, self._ids = random.Random(seed), 0  # noqa: S311 - the same chats each time

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        await asyncio.sleep(self._chance.uniform(0.01, 2.0))
        said = next(message.content for message in reversed(request.messages) if message.role == "user")
        asked = sum(message.role == "tool" for message in request.messages)
        if asked >= 2:
            return ModelReply(Message("assistant", f"All is told about {said}."))
        calls = [("usage_summary", {"note": said}), ("cost_breakdown", {"by": "model"})][: 1 + asked]
        return ModelReply(
            Message(
                "assistant",
                tool_calls=tuple(ToolCall(f"c{asked}{n}", FunctionCall(name, json.dumps(a))) for n, (name, a) in enumerate(calls)),
            )
        )

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
        await asyncio.sleep(self._chance.uniform(0.0, 0.5))
        return {"of": context.user_id, "cost_usd": round(self._chance.uniform(1, 99), 2)}

    def now(self, *, lane: str) -> datetime:
        return datetime(2025, 3, 14, tzinfo=UTC)

    def new(self, purpose: str, /, *, lane: str) -> str:
        self._ids += 1
        return f"{self._ids:032x}"

    def world(self) -> World:
        return recorded(World(model=self, tools=self, clock=self, ids=self))


def request_of(number: int) -> RunRequest:
    payload = json.dumps({"message": f"What did I spend in month {number}?", "agent": "data"}).encode()
    ids = {name: f"{name}-{number}" for name in ("thread_id", "run_id")}
    return RunRequest(
        surface="chat", tenant_id=f"tenant-{number % 7}", user_id=f"user-{number % 31}", payload=payload, received_at=0.0, **ids
    )


async def _served(candidate: Candidate, request: RunRequest) -> RunRecord:
    tape = Recording(request, clock=asyncio.get_running_loop().time)
    events = BackendEngine(candidate.stream).run(request)
    while (event := await tape.next_of(events)) is not None:
        tape.append(event)
    await tape.close(events)
    return tape.record(Origin.CONTROL, tape.outcome or "completed", None, None)


async def _crowd(first: int) -> list[RunRecord]:
    candidate = Candidate(Slow(first).world(), TOOLS)
    runs = await asyncio.gather(*(_served(candidate, request_of(number)) for number in range(first, first + AT_ONCE)))
    await candidate.aclose()
    return list(runs)


def verdicts(runs: int) -> tuple[Counter[Verdict], list[str]]:
    """Serve so many chats, fifty at a time, replay each alone, and return the verdicts and what was said of those that are no match."""
    counted: Counter[Verdict] = Counter()
    told: list[str] = []
    loop = VirtualTimeLoop()
    try:
        for first in range(0, runs, AT_ONCE):
            for served in loop.drive(_crowd(first)):
                comparison = compare(served, _replayed(loop, served), stage=Stage.SHADOW, serving=Origin.CONTROL)
                counted[comparison.verdict] += 1
                told += [*map(str, comparison.reasons), *(str(one.sentence) for one in comparison.divergences)]
    finally:
        loop.close()
    return counted, told


def _replayed(loop: VirtualTimeLoop, served: RunRecord) -> RunRecord:
    run = loop.drive(
        replay_run(
            served.request,
            served.journal,
            Origin.CANDIDATE,
            lambda _surface, _origin: BackendEngine(Candidate(Slow(0).world(), TOOLS).stream),
            deadline_s=60.0,
            clock=loop.time,
            limits=RunLimits(pacing="recorded"),
            arm=loop.call_on_expiry,
        )
    )
    assert loop.sweep(1.0)
    assert run.record is not None, run
    assert (run.tally.performed, run.tally.missing) == (0, 0)
    return run.record
