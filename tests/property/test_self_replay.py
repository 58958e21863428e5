"""An engine beside itself: recorded runs of both engines of every surface, run again by the same engine in random order of events.

Whatever the order in which replies come back and tasks get their turn, each of these comparisons must be a match.
"""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from migration.comparison.compare import compare
from migration.effects.journals.recording import Recording
from migration.model import Origin, RunRecord, RunRequest, Stage, Verdict
from migration.shadow.runner import RunLimits, replay_run
from migration.shadow.virtual_time import VirtualTimeLoop
from netra_backend.app.candidate import Candidate
from netra_backend.app.errors import ModelUnavailableError, ToolFailedError
from netra_backend.app.execution import CONTROLS, BackendEngine, fresh_engine, recorded
from netra_backend.app.services.llm.chat_model import FunctionCall, Message, ModelReply, ModelRequest, ToolCall
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES
from netra_backend.app.world import World

REPLAYS = 20 * settings.default.max_examples  #: of all runs together: 2,000 in the suite, 40,000 in exploration
TOOLS = default_registry().specs()
RUNS: list[tuple[str, dict[str, Any]]] = [
    ("chat", {"agent": "supervisor", "message": "Where does our money go?"}),
    ("chat", {"agent": "assistant", "message": "What did we use?"}),
    ("chat", {"agent": "reporting", "message": "The model is down."}),
    ("oneshot", {"agent": "data", "message": "What did we spend?"}),
    ("oneshot", {"agent": "reporting", "message": "The model is down."}),
    ("batch", {"agent": "optimization", "message": "How can we spend less?"}),
    ("tools", {"tool": "usage_summary", "arguments": {}}),
    ("tools", {"tool": "price_lookup", "arguments": {"model": "large-2"}}),
]
CASES = [(surface, payload, origin) for surface, payload in RUNS for origin in Origin]


class Outside:
    """Every port. The model wants all tools that are on offer called side by side, price_lookup three times, and then answers."""

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        if "The model is down." in (request.messages[-1].content or ""):
            raise ModelUnavailableError("the model refused the request")
        if lane == "triage":
            return ModelReply(Message("assistant", '{"data_sufficiency": "sufficient", "reason": "It asks about cost."}'))
        names = [tool.function.name for tool in request.tools if tool.function.name != "save_action_plan"]
        if request.messages[-1].role == "tool" or not names:
            return ModelReply(Message("assistant", f"The {lane} agent found {len(request.messages)} facts."))
        wanted = [*names, *(["price_lookup"] * 2 if "price_lookup" in names else [])]
        calls = (ToolCall(f"call-{number}", FunctionCall(name, json.dumps({"n": number}))) for number, name in enumerate(wanted))
        return ModelReply(Message("assistant", tool_calls=tuple(calls)))

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
        await asyncio.sleep(0)  # as any tool does that waits for something: calls that stand side by side overlap
        if name == "simulate_switch":
            raise ToolFailedError("there is no such model")
        return {"tool": name, **arguments}

    def now(self, *, lane: str) -> datetime:
        return datetime(2025, 3, 14, tzinfo=UTC)

    def new(self, purpose: str, /, *, lane: str) -> str:
        return "0123456789abcdef" * 2


class ShufflingLoop(VirtualTimeLoop):
    """Gives all that is ready its turn in random order. Only asyncio's own queue is shuffled: what one task does stays in order."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice

    def _run_once(self) -> None:
        self._dice.shuffle(self._ready)  # type: ignore[attr-defined]  # asyncio's own
        super()._run_once()  # type: ignore[misc]  # asyncio's own


@pytest.fixture
def dice() -> random.Random:
    return random.Random(20_250_314)  # noqa: S311 - an order of events, no secret


@pytest.fixture
def loop(dice: random.Random) -> Iterator[ShufflingLoop]:
    loop = ShufflingLoop(dice)
    yield loop
    loop.close()


async def record(surface: str, payload: Mapping[str, Any], origin: Origin) -> RunRecord:
    """Serve the run with the engine of that side, on the record."""
    outside = Outside()
    world = recorded(World(model=outside, tools=outside, clock=outside, ids=outside))
    control, candidate = CONTROLS[surface](world, TOOLS), Candidate(world, TOOLS)
    engine = BackendEngine(control.stream if origin is Origin.CONTROL else SURFACES[surface](candidate))
    ids = {"tenant_id": "acme", "user_id": "ann", "thread_id": "thread-7", "run_id": "run-42"}
    request = RunRequest(surface=surface, payload=msgspec.json.encode(payload), received_at=0.0, **ids)
    tape, events = Recording(request), engine.run(request)
    while (event := await tape.next_of(events)) is not None:
        tape.append(event)
    await tape.close(events)
    await control.aclose()
    await candidate.aclose()
    return tape.record(origin, tape.outcome or "completed", None, None)


def again(served: RunRecord, dice: random.Random, loop: ShufflingLoop) -> RunRecord:
    """Replay the run on the same engine, replies taking random times."""
    journal = [msgspec.structs.replace(effect, duration_s=dice.choice((0.0, 0.0, dice.random()))) for effect in served.journal]
    run = loop.drive(
        replay_run(
            served.request,
            journal,
            served.origin,
            fresh_engine,
            deadline_s=10.0,
            clock=loop.time,
            limits=RunLimits(pacing="recorded"),
            arm=loop.call_on_expiry,
        )
    )
    assert loop.sweep(1.0)
    assert run.record is not None, run
    assert run.tally.performed == run.tally.missing == 0
    return run.record


@pytest.mark.parametrize(("surface", "payload", "origin"), CASES)
def test_an_engine_beside_itself_is_always_a_match(
    surface: str, payload: dict[str, Any], origin: Origin, dice: random.Random, loop: ShufflingLoop
) -> None:
    served = asyncio.run(record(surface, payload, origin))

    for number in range(REPLAYS // len(CASES)):
        comparison = compare(served, again(served, dice, loop), stage=Stage.SHADOW, serving=Origin.CONTROL)

        told = [str(found.sentence) for found in comparison.divergences]
        assert comparison.verdict is Verdict.MATCH, (number, tuple(map(str, comparison.reasons)), told)


def test_the_orders_are_many(dice: random.Random, loop: ShufflingLoop) -> None:
    """Otherwise the test above would show nothing."""
    served = asyncio.run(record("chat", {"agent": "assistant", "message": "What did we use?"}, Origin.CANDIDATE))

    orders = {tuple(effect.key for effect in again(served, dice, loop).journal) for _ in range(20)}

    assert len(orders) > 10
