"""Each defect that a legacy engine is kept for, as far as a stream can show it: found in a served run by its kind, without a ledger.

Control serves, the target runs again on what was recorded, and the comparison sees only what both said and asked for. What no stream
shows has its tests elsewhere in the folder above: statistics, histories and permits that all users share, lists that grow without bound,
engines that are never collected, heartbeats, ids that only a caller inside the process can forge, and durations, which are masked.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from migration.comparison.compare import compare
from migration.effects.journals.recording import Recording
from migration.model import Comparison, EffectError, Origin, RunRecord, RunRequest, Stage, Verdict
from migration.shadow.runner import RunLimits, replay_run
from migration.shadow.virtual_time import VirtualTimeLoop
from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.candidate import Candidate
from netra_backend.app.errors import ModelUnavailableError
from netra_backend.app.execution import CONTROLS, BackendEngine, recorded
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES

pytestmark = pytest.mark.mission_critical

TOOLS = [ToolSpec(FunctionSpec(name, "does something", {})) for name in ("usage_summary", "save_action_plan")]
#: seconds after which the server gives up on a run; on calls of tools it never does
PATIENCE_S = {"tools": 1e6}
USUAL_PATIENCE_S = 60.0
CONTRACT, RELIABILITY, COSMETIC = "contract", "reliability", "cosmetic"


class Surface:
    """Both engines of a surface on the same ports and agents; control serves."""

    def __init__(self, name: str, world: Any, loop: VirtualTimeLoop, registry: Any = None) -> None:
        self._name, self._loop, self._patience_s = name, loop, PATIENCE_S.get(name, USUAL_PATIENCE_S)
        self._world, self._parts = recorded(world), {} if registry is None else {"registry": registry}
        clock = {"clock": loop.time} if name == "chat" else {}
        self._control: Any = CONTROLS[name](self._world, TOOLS, **clock, **self._parts)

    async def serve(self, user: UserExecutionContext, **payload: Any) -> RunRecord:
        """Serve one run, on the record, as the facade does."""
        ids = {name: getattr(user, name) for name in ("tenant_id", "user_id", "thread_id", "run_id")}
        request = RunRequest(surface=self._name, payload=msgspec.json.encode(payload), received_at=0.0, **ids)
        tape, events = Recording(request, clock=self._loop.time), BackendEngine(self._control.stream, self._loop.time).run(request)
        try:
            async with asyncio.timeout(self._patience_s):
                while (event := await tape.next_of(events)) is not None:
                    tape.append(event)
            outcome, error = tape.outcome or "completed", None
        except Exception as failure:  # noqa: BLE001 - whatever ends a run is how it ended
            outcome = "timed_out" if isinstance(failure, TimeoutError) else "failed"
            error = EffectError(type=type(failure).__name__, message="")
        await tape.close(events)
        return tape.record(Origin.CONTROL, outcome, error, None)

    async def shadow(self, served: RunRecord) -> Comparison:
        """Run the target on the recorded journal, and compare."""
        candidate = Candidate(self._world, TOOLS, **self._parts)
        run = await replay_run(
            served.request,
            served.journal,
            Origin.CANDIDATE,
            lambda _surface, _origin: BackendEngine(SURFACES[self._name](candidate)),
            deadline_s=1e6,
            clock=self._loop.time,
            limits=RunLimits(pacing="recorded"),
        )
        await candidate.aclose()
        assert run.record is not None, run
        assert run.tally.performed == 0
        return compare(served, run.record, stage=Stage.SHADOW, serving=Origin.CONTROL)

    async def aclose(self) -> None:
        await self._control.aclose()


async def looks_once(request: ModelRequest, lane: str) -> Message:
    if request.messages[-1].role == "tool":
        return Message("assistant", "3 EUR")
    return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", "{}")),))


async def saves_then_breaks(request: ModelRequest, lane: str) -> Message:
    if request.messages[-1].role == "tool":
        raise ConnectionResetError("the model went away")
    return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("save_action_plan", "{}")),))


async def refuses(request: ModelRequest, lane: str) -> Message:
    raise ModelUnavailableError("the model refused the request")


async def an_hour(name: str) -> Any:
    await asyncio.sleep(3600)
    return "at last"


async def hangs(agent: Agent, task: Task) -> Answer:
    await asyncio.Event().wait()
    return Answer(text="awake", step_count=0)


async def returns_nothing(agent: Agent, task: Task) -> Any:
    return None


async def takes_three_seconds(agent: Agent, task: Task) -> Answer:
    await asyncio.sleep(3 if task.user.user_id == "ann" else 0)
    return Answer(text=f"for {task.user.user_id}", step_count=0)


def meeting() -> Callable[[ModelRequest, str], Awaitable[Message]]:
    """Two users are inside the model call before either goes on."""
    both_asked = asyncio.Barrier(2)

    async def reply(request: ModelRequest, lane: str) -> Message:
        if request.messages[-1].role == "tool":
            return Message("assistant", "done")
        await both_asked.wait()
        arguments = json.dumps({"note": request.messages[-1].content})
        return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", arguments)),))

    return reply


class Lab:
    """Makes surfaces, and serves on them what shows a defect."""

    def __init__(self, make_fakes: Any, make_registry: Any, make_user: Any, loop: VirtualTimeLoop) -> None:
        self._make_fakes, self._make_registry, self._user, self._loop = make_fakes, make_registry, make_user, loop

    def on_ports(self, surface: str, *ports: Any, **named: Any) -> Surface:
        return Surface(surface, self._make_fakes(*ports, **named).as_world(), self._loop)

    def on_agent(self, surface: str, body: Any) -> Surface:
        registry = self._make_registry(data=body)
        return Surface(surface, registry.world, self._loop, registry)

    async def alone(self, surface: Surface, **payload: Any) -> Comparison:
        """One user asks once."""
        return await surface.shadow(await surface.serve(self._user(), **payload))

    async def second(self, surface: Surface) -> Comparison:
        """Ann asks; then bob asks the same, and his run is looked at."""
        payload = {"agent": "data", "message": "What did we spend?"}
        await surface.serve(self._user("ann"), **payload)
        return await surface.shadow(await surface.serve(self._user("bob"), **payload))

    async def together(self, surface: Surface, whose: str) -> Comparison:
        """Ann and bob ask at once."""
        names = ("ann", "bob")
        runs = (surface.serve(self._user(name), agent="data", message=f"{name}'s secret") for name in names)
        return await surface.shadow((await asyncio.gather(*runs))[names.index(whose)])

    async def after_a_burst(self, surface: Surface) -> Comparison:
        """Ann asks ten times at once; bob, whose answer takes no time, asks after her."""
        burst = [asyncio.create_task(surface.serve(self._user("ann", n), agent="data", message=f"question {n}")) for n in range(10)]
        for _ in range(30):
            await asyncio.sleep(0)
        served = await surface.serve(self._user("bob"), agent="data", message="hello")
        await asyncio.gather(*burst)
        return await surface.shadow(served)

    async def after_two_failures(self, surface: Surface) -> Comparison:
        """Ann's model fails twice; then she asks once more."""
        for number in (1, 2):
            await surface.serve(self._user("ann", number), agent="data", message=f"question {number}")
        return await surface.shadow(await surface.serve(self._user("ann", 3), agent="data", message="hello"))


DATA: Mapping[str, Any] = {"agent": "data", "message": "hello"}
TOOL: Mapping[str, Any] = {"tool": "usage_summary", "arguments": {}}
Scenario = Callable[[Lab], Any]


def look(surface: str) -> Scenario:
    return lambda lab: lab.alone(lab.on_ports(surface, looks_once), **(TOOL if surface == "tools" else DATA))


def fail(surface: str) -> Scenario:
    return lambda lab: lab.alone(lab.on_ports(surface, refuses), **DATA)


def hang(surface: str) -> Scenario:
    return lambda lab: lab.alone(lab.on_agent(surface, hangs), **DATA)


def leak(surface: str, whose: str) -> Scenario:
    return lambda lab: lab.together(lab.on_ports(surface, meeting()), whose)


def burst_of_ann(lab: Lab) -> Any:
    return lab.after_a_burst(lab.on_agent("chat", takes_three_seconds))


def no_answer(lab: Lab) -> Any:
    return lab.alone(lab.on_agent("batch", returns_nothing), **DATA)


def two_failures(lab: Lab) -> Any:
    return lab.after_two_failures(lab.on_ports("batch", refuses))


def an_hours_call(lab: Lab) -> Any:
    return lab.alone(lab.on_ports("tools", answer=an_hour), **TOOL)


def retry(lab: Lab) -> Any:
    return lab.alone(lab.on_ports("chat", saves_then_breaks), agent="actions", message="save it")


#: What is wrong with control, what happened, and the kind, severity and path of the divergence that tells it.
DEFECTS: list[tuple[str, Scenario, tuple[str, str, str]]] = [
    # 1, chat
    ("chat: an agent starts twice", look("chat"), ("duplicate_event", CONTRACT, "agent_started")),
    ("chat: an agent completes twice", look("chat"), ("duplicate_event", CONTRACT, "agent_completed")),
    ("chat: numbers of thoughts repeat", look("chat"), ("missing_event", CONTRACT, "agent_thinking")),
    ("chat: a tool call is never closed", look("chat"), ("extra_event", CONTRACT, "tool_completed")),
    ("chat: nobody says that an agent is isolated", look("chat"), ("payload", COSMETIC, "agent_started.payload.context.user_isolated")),
    ("chat: bob sees what ann's agent does", leak("chat", "bob"), ("missing_event", CONTRACT, "tool_executing")),
    ("chat: ann does not see it", leak("chat", "ann"), ("extra_event", CONTRACT, "*")),
    ("chat: bob gets the answer to ann", lambda lab: lab.second(lab.on_ports("chat")), ("effect_extra", CONTRACT, "clock")),
    ("chat: a retry repeats a side effect", retry, ("effect_missing", CONTRACT, "tool.save_action_plan")),
    ("chat: a retry tells its error again", retry, ("duplicate_event", CONTRACT, "agent_error")),
    ("chat: an exception ends the stream", retry, ("terminal_state", CONTRACT, "run.outcome")),
    ("chat: a burst starves others", burst_of_ann, ("missing_event", CONTRACT, "agent_thinking")),
    ("chat: a dead agent completes twice", hang("chat"), ("duplicate_event", CONTRACT, "agent_completed")),
    # 3, batch
    ("batch: nothing is said in between", look("batch"), ("extra_event", CONTRACT, "agent_thinking")),
    ("batch: tools are called in silence", look("batch"), ("extra_event", CONTRACT, "*")),
    ("batch: a failing agent is never completed", fail("batch"), ("extra_event", CONTRACT, "agent_completed")),
    ("batch: a failing agent tells no error", fail("batch"), ("extra_event", CONTRACT, "agent_error")),
    ("batch: no answer is a success", no_answer, ("terminal_state", CONTRACT, "agent_completed.payload.status")),
    ("batch: bob gets the answer to ann", lambda lab: lab.second(lab.on_ports("batch")), ("effect_extra", CONTRACT, "clock")),
    ("batch: two failures hang their user", two_failures, ("terminal_state", CONTRACT, "run.outcome")),
    # 5, tools
    ("tools: a call is not announced", look("tools"), ("extra_event", CONTRACT, "*")),
    ("tools: a call may take for ever", an_hours_call, ("terminal_state", RELIABILITY, "run.outcome")),
    # 7, oneshot
    ("oneshot: a failure tells no error", fail("oneshot"), ("extra_event", CONTRACT, "agent_error")),
    ("oneshot: a death is not told", hang("oneshot"), ("extra_event", RELIABILITY, "agent_death")),
    ("oneshot: a success has no error key", look("oneshot"), ("payload", CONTRACT, "agent_completed.payload.result.error")),
    ("oneshot: a flag names the engine", look("oneshot"), ("payload", COSMETIC, "agent_completed.payload.isolated")),
    ("oneshot: bob sees that ann's agent goes on", leak("oneshot", "bob"), ("duplicate_event", CONTRACT, "agent_thinking")),
    ("oneshot: ann does not see it", leak("oneshot", "ann"), ("extra_event", CONTRACT, "agent_thinking")),
]


@pytest.fixture
def loop() -> Iterator[VirtualTimeLoop]:
    loop = VirtualTimeLoop()
    yield loop
    loop.close()


@pytest.fixture
def users(make_fakes: Any, make_registry: Any, make_user: Any, loop: VirtualTimeLoop) -> Lab:
    return Lab(make_fakes, make_registry, make_user, loop)


@pytest.mark.parametrize(
    ("scenario", "found"), [pytest.param(*row[1:], id=row[0]) for row in DEFECTS if row[0].partition(":")[0] in CONTROLS]
)
def test_a_kept_defect_is_found_by_its_kind(scenario: Scenario, found: tuple[str, str, str], loop: VirtualTimeLoop, users: Lab) -> None:
    async def scene() -> Comparison:
        return await scenario(users)

    comparison = loop.drive(scene())
    assert loop.sweep(1.0)

    assert (comparison.verdict, comparison.reasons) == (Verdict.DIVERGENT, ())
    assert found in {(one.kind, one.severity, one.path) for one in comparison.divergences}
