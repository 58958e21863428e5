"""A real chat on the target engine, recorded once, and that engine run again on the record with one thing changed about it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from migration.comparison import Policy
from migration.comparison.compare import compare
from migration.effects.journals.outcome import outcome_of_failure
from migration.effects.journals.recording import Recording
from migration.model import Comparison, EffectError, Engine, Event, Origin, RunRecord, RunRequest, Stage
from migration.shadow.runner import RunLimits, replay_run
from migration.shadow.virtual_time import VirtualTimeLoop
from netra_backend.app.candidate import Candidate
from netra_backend.app.errors import ModelUnavailableError, ToolFailedError
from netra_backend.app.execution import BackendEngine, recorded
from netra_backend.app.services.llm.chat_model import FunctionCall, Message, ModelReply, ModelRequest, ToolCall
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import World

REQUEST = RunRequest(
    surface="chat",
    tenant_id="acme",
    user_id="ann",
    thread_id="thread-7",
    run_id="run-42",
    payload=b'{"message":"Where does our money go?","agent":"supervisor"}',
    received_at=1_700_000_000.0,
)
TOOLS = default_registry().specs()


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(f"call-{name}-{arguments.get('by', '')}", FunctionCall(name, json.dumps(arguments)))


#: What the model says to each agent, turn by turn: an answer, or the calls that it wants made side by side.
SCRIPT: dict[str, list[str | tuple[ToolCall, ...]]] = {
    "triage": ['{"data_sufficiency": "sufficient", "reason": "It asks about cost."}'],
    "data": [
        (call("usage_summary"), call("cost_breakdown", by="model"), call("cost_breakdown", by="day")),
        "You spent 12.5 dollars on four models.",
    ],
    "optimization": [
        (call("price_lookup", model="large-2"),),
        (call("simulate_switch", from_model="large-2", to_model="small-2", share=0.3),),
        "Move a third of large-2 to small-2.",
    ],
    "actions": [
        (call("save_action_plan", title="Save", items=[{"action": "Move"}, {"action": "Measure"}]),),
        "The plan is saved.",
    ],
    "reporting": ["A small model saves 3 dollars: fewer tokens, the same café."],
}


class Outside:
    """Every port: a scripted model, and tools of which one fails.

    Args:
        down: the agent whose model does not answer; empty: none.
    """

    def __init__(self, down: str = "") -> None:
        self._down = down

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        if lane == self._down:
            raise ModelUnavailableError("the model refused the request")
        said = SCRIPT[lane][sum(message.role == "assistant" for message in request.messages)]
        return ModelReply(Message("assistant", said) if isinstance(said, str) else Message("assistant", tool_calls=said))

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
        await asyncio.sleep(0)  # as any tool does that waits for something: calls that stand side by side overlap
        if name == "price_lookup":
            raise ToolFailedError("there is no price of that model")
        return {"cost_usd": 12.5, "models": ["large-2", "small-2"]}

    def now(self, *, lane: str) -> datetime:
        return datetime(2025, 3, 14, tzinfo=UTC)

    def new(self, purpose: str, /, *, lane: str) -> str:
        return "0123456789abcdef" * 2

    def as_world(self) -> World:
        return recorded(World(model=self, tools=self, clock=self, ids=self))


class Nowhere:
    """The outside of a replay: whoever gets here performs an effect."""

    def _refuse(self, *_: object, **__: object) -> Any:
        raise AssertionError("a replay reached the outside")

    complete = call = now = new = _refuse


@dataclass
class Frame:
    """One event, to be changed freely. `raw` is sent instead of the envelope when it is set."""

    kind: str
    lane: str
    envelope: dict[str, Any]
    raw: bytes | None = None

    @property
    def payload(self) -> dict[str, Any]:
        return self.envelope["payload"]

    def event(self) -> Event:
        return Event(kind=self.kind, lane=self.lane, payload=self.raw or msgspec.json.encode(self.envelope), at_s=0.0)


class Frames(list[Frame]):
    """The stream of a run, to be changed freely."""

    def find(self, kind: str, lane: str, nth: int = 0) -> int:
        return [place for place, frame in enumerate(self) if (frame.kind, frame.lane) == (kind, lane)][nth]

    def at(self, kind: str, lane: str, nth: int = 0) -> Frame:
        return self[self.find(kind, lane, nth)]

    def copy_of(self, kind: str, lane: str, nth: int = 0) -> Frame:
        frame = self.at(kind, lane, nth)
        return Frame(frame.kind, frame.lane, json.loads(json.dumps(frame.envelope)))

    def move(self, kind: str, lane: str, nth: int = 0, *, to: tuple[str, str], after: bool = False) -> None:
        frame = self.pop(self.find(kind, lane, nth))
        self.insert(self.find(*to) + after, frame)


class Restreamed:
    """An engine whose stream is changed on its way out."""

    def __init__(self, engine: Engine, change: Callable[[Frames], object]) -> None:
        self._engine, self._change = engine, change

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        frames = Frames()
        async with aclosing(self._engine.run(request)) as events:
            async for event in events:
                frames.append(Frame(event.kind, event.lane, json.loads(event.payload)))
        self._change(frames)
        for frame in frames:
            yield frame.event()


class Port:
    """One port of the engine, which does instead what the function says. The function gets the original and its arguments."""

    def __init__(self, original: Any, method: str, instead: Callable[..., Any]) -> None:
        self.__dict__[method] = lambda *args, lane: instead(getattr(original, method), *args, lane=lane)


def changed(world: World, instead: Mapping[str, tuple[str, Callable[..., Any]]] | None) -> World:
    ports = {name: getattr(world, name) for name in ("model", "tools", "clock", "ids")}
    for name, (method, change) in (instead or {}).items():
        ports[name] = Port(ports[name], method, change)
    return World(**ports)


class Lab:
    """Runs a changed engine on a recording, and compares it with what was recorded."""

    def __init__(self) -> None:
        self._loop = VirtualTimeLoop()
        self.live = False
        self._served = {
            down: self._loop.drive(self._record(Candidate(Outside(down).as_world(), TOOLS), lambda engine: engine, Origin.CONTROL))
            for down in ("", "reporting")
        }

    def close(self) -> None:
        self._loop.close()

    @staticmethod
    async def _record(candidate: Candidate, wrap: Callable[[Engine], Engine], origin: Origin) -> RunRecord:
        tape = Recording(REQUEST)
        events = wrap(BackendEngine(candidate.stream)).run(REQUEST)
        outcome, error = None, None
        try:
            while (event := await tape.next_of(events)) is not None:
                tape.append(event)
        except Exception as failure:  # noqa: BLE001 - whatever the changed engine raises is how its run ended
            outcome, error = outcome_of_failure(failure), EffectError(type=type(failure).__name__, message="")
        await tape.close(events)
        await candidate.aclose()
        return tape.record(origin, outcome or tape.outcome or "completed", error, None)

    def frames(self, change: Callable[[Frames], object], **options: Any) -> Comparison:
        """The engine says something else than it did."""
        return self.engine(lambda engine: Restreamed(engine, change), **options)

    def port(self, name: str, method: str, instead: Callable[..., Any], **options: Any) -> Comparison:
        """The engine asks something else of the outside."""
        return self.engine(lambda engine: engine, instead={name: (method, instead)}, **options)

    def engine(
        self,
        wrap: Callable[[Engine], Engine],
        *,
        down: str = "",
        policy: Policy | None = None,
        instead: Mapping[str, tuple[str, Callable[..., Any]]] | None = None,
    ) -> Comparison:
        """The changed engine shadows the correct one, or, where `live` is set, serves and is shadowed by it."""
        nowhere: Any = Nowhere()
        replayed = recorded(World(model=nowhere, tools=nowhere, clock=nowhere, ids=nowhere))
        if self.live:
            changed_one = Candidate(changed(Outside(down).as_world(), instead), TOOLS)
            served = self._loop.drive(self._record(changed_one, wrap, Origin.CANDIDATE))
            control = self._replay(served, Origin.CONTROL, BackendEngine(Candidate(replayed, TOOLS).stream))
            return compare(control, served, stage=Stage.LIVE, serving=Origin.CANDIDATE, policy=policy)
        served = self._served[down]
        candidate = self._replay(served, Origin.CANDIDATE, wrap(BackendEngine(Candidate(changed(replayed, instead), TOOLS).stream)))
        return compare(served, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL, policy=policy)

    def _replay(self, served: RunRecord, origin: Origin, engine: Engine) -> RunRecord:
        run = self._loop.drive(
            replay_run(
                REQUEST,
                served.journal,
                origin,
                lambda _surface, _origin: engine,
                deadline_s=10.0,
                clock=self._loop.time,
                limits=RunLimits(pacing="recorded"),
                arm=self._loop.call_on_expiry,
            )
        )
        assert self._loop.sweep(1.0)
        assert run.record is not None, run
        assert run.tally.performed == 0
        return run.record


@pytest.fixture(scope="session")
def both_ways() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(params=[Stage.SHADOW, Stage.LIVE], ids=["shadow", "live"])
def lab(both_ways: Lab, request: pytest.FixtureRequest) -> Lab:
    both_ways.live = request.param is Stage.LIVE
    return both_ways
