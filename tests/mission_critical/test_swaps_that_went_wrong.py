"""Nine ways in which swaps of such engines went wrong before, each tried on this code."""

import ast
import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import netra_backend
from migration.comparison.compare import compare
from migration.model import EffectError, Event, Origin, RunRecord, RunRequest, Stage
from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from netra_backend.app.agents.supervisor.execution_tracker import Heartbeat
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.candidate import Listeners
from netra_backend.app.errors import ExecutionEngineFactoryError, ForeignContextError, InvalidContextError
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.emitters import UserEmitter

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]
PRODUCT = Path(netra_backend.__file__).parent
TESTS = Path(__file__).parents[1]

#: Modules that only legacy engines need; removal deletes them.
LEGACY = {
    "netra_backend.app.agents.consolidated_extensions",
    "netra_backend.app.agents.consolidated_types",
    "netra_backend.app.agents.execution_engine_consolidated",
    "netra_backend.app.agents.silent_tool_dispatcher",
    "netra_backend.app.agents.supervisor.agent_execution_core",
    "netra_backend.app.agents.supervisor.announcing_tool_dispatcher",
    "netra_backend.app.agents.supervisor.execution_engine",
    "netra_backend.app.agents.supervisor.request_scoped_execution_engine",
    "netra_backend.app.agents.supervisor.response_cache",
    "netra_backend.app.core.execution_engine",
    "netra_backend.app.services.unified_tool_registry.execution_engine",
}
#: Who may import them, beside each other. This list only shrinks.
MAY_IMPORT_LEGACY = {
    "netra_backend.app.controls.batch",
    "netra_backend.app.controls.chat",
    "netra_backend.app.controls.oneshot",
    "netra_backend.app.controls.tools",
    "netra_backend.app.services.unified_tool_registry",  # goes with: tools
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PRODUCT.rglob("*.py")):
        name = ".".join(path.relative_to(PRODUCT.parent).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and the name it is bound to; of `import a.b` the name is empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name, alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "", alias.asname or alias.name) for alias in node.names)


def calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
            yield node


async def answers(agent: Agent, task: Task) -> Answer:
    return Answer(text="3", step_count=0)


def engine_for(user: UserExecutionContext, agents: Any) -> tuple[UserExecutionEngine, FrameChannel]:
    channel = FrameChannel()
    return UserExecutionEngine(user, agents, UserEmitter(user, channel), clock=asyncio.get_running_loop().time), channel


def heard(channel: FrameChannel) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in channel._frames]


# 1. An alias kept the name but not the signature: imports moved, call sites did not.


def test_the_target_goes_by_no_other_engines_name() -> None:
    aliases = [
        (module, name, bound)
        for module, tree in modules()
        for _, name, bound in imported(tree)
        if (name == "UserExecutionEngine") is not (bound == "UserExecutionEngine")
    ]
    assert aliases == []


def test_a_call_of_the_old_shape_fails_where_it_stands(make_registry: Any, make_user: Any) -> None:
    old_shape: Any = UserExecutionEngine
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        old_shape(make_registry(), WebSocketBridge())
    with pytest.raises((TypeError, AttributeError)):
        old_shape(make_registry(), WebSocketBridge(), make_user())


# 2. A redirect invented an anonymous user when no context was given.


def test_no_product_code_makes_up_a_user() -> None:
    made_up = [
        (module, ast.unparse(call))
        for module, tree in modules()
        for call in calls(tree, "UserExecutionContext")
        for given in call.keywords
        if given.arg in {"tenant_id", "user_id", "thread_id", "run_id"} and isinstance(given.value, ast.Constant)
    ]
    assert made_up == []


@pytest.mark.parametrize("user_id", ["", "None", "default", "placeholder", "test_user", "registry"])
def test_nobody_is_no_user(user_id: str) -> None:
    with pytest.raises(InvalidContextError, match="user_id"):
        UserExecutionContext(tenant_id="acme", user_id=user_id, thread_id="thread-7", run_id="run-7")


async def test_without_a_context_there_is_no_engine(make_registry: Any) -> None:
    factory = ExecutionEngineFactory(Listeners(), UserAgentFactory(make_registry()))
    nobody: Any = None
    with pytest.raises(AttributeError):
        await factory.create_for_user(nobody)
    assert factory.get_factory_metrics()["active_engines"] == 0


# 3. "Isolated" trackers per engine had no monitor: death detection vanished silently.


def test_an_agent_without_a_sign_of_life_is_found_dead_by_its_own_engine(
    virtual: Virtual, make_registry: Any, make_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(agent: Agent, task: Task) -> Answer:
        await asyncio.Event().wait()
        return await answers(agent, task)

    async def scenario() -> tuple[list[dict[str, Any]], float]:
        user = make_user()
        engine, channel = engine_for(user, UserAgentFactory(make_registry(data=hangs)))
        async with engine:
            await engine.execute_agent(AgentExecutionContext.of(user, "data", {}))
            return heard(channel), asyncio.get_running_loop().time()

    monkeypatch.setattr(Heartbeat, "_beat", lambda _heartbeat: None)
    said, died_at_s = virtual(scenario())
    assert [event["payload"]["death_cause"] for event in said if event["type"] == "agent_death"] == ["no_heartbeat"]
    assert died_at_s < UserExecutionEngine.AGENT_EXECUTION_TIMEOUT


# 4. The agent that was made for the user was not the agent that ran.


async def test_the_agent_that_was_made_for_the_user_is_the_agent_that_runs(make_registry: Any, make_user: Any) -> None:
    ran: list[Agent] = []

    async def remembers(agent: Agent, task: Task) -> Answer:
        ran.append(agent)
        return await answers(agent, task)

    class Remembering(UserAgentFactory):
        made: list[Agent] = []  # noqa: RUF012 - of this one class in this one test

        def create_agent(self, name: str, context: UserExecutionContext, /) -> Agent:
            self.made.append(super().create_agent(name, context))
            return self.made[-1]

    user, agents = make_user("ann"), Remembering(make_registry(data=remembers))
    engine, _ = engine_for(user, agents)
    async with engine:
        await engine.execute_agent(AgentExecutionContext.of(user, "data", {}))
    assert ran == agents.made
    assert (ran[0].user_id, ran[0].run_id) == (user.user_id, user.run_id)
    assert isinstance(ran[0].emitter, UserEmitter)
    assert ran[0].emitter.context is user


# 5. A mock fallback in production code swallowed all events.


def test_no_product_code_imports_a_mock() -> None:
    mocks = [(module, source) for module, tree in modules() for source, _, _ in imported(tree) if source.startswith(("unittest", "mock"))]
    assert mocks == []


async def test_without_a_way_to_the_user_there_is_no_engine(make_registry: Any, make_user: Any) -> None:
    with pytest.raises(ExecutionEngineFactoryError, match="users would never see an event"):
        ExecutionEngineFactory(None, UserAgentFactory(make_registry()))
    with pytest.raises(ForeignContextError, match="nobody listens"):
        await ExecutionEngineFactory(Listeners(), UserAgentFactory(make_registry())).create_for_user(make_user())


# 6. A registry adapter returned, and cached, a coroutine instead of an agent.


def test_the_registry_gives_agents_and_no_promises_of_agents(make_registry: Any) -> None:
    registry: AgentRegistry = make_registry(data=answers)
    given_ones = [registry.create("data")]
    given_ones += [registry.get("data"), registry.get("data")]  # goes with: migration
    for given in given_ones:
        assert isinstance(given, Agent)
        assert not inspect.isawaitable(given)


async def test_a_factory_that_gives_a_promise_fails_the_run_by_name_each_time(make_registry: Any, make_user: Any) -> None:
    class Promise:
        def __await__(self) -> Iterator[Any]:
            raise NotImplementedError

    class Promising(UserAgentFactory):
        def create_agent(self, name: str, context: UserExecutionContext, /) -> Any:
            return Promise()

    user = make_user()
    engine, _ = engine_for(user, Promising(make_registry()))
    async with engine:
        for _ in range(2):
            result = await engine.execute_agent(AgentExecutionContext.of(user, "data", {}))
            assert (result.success, result.metadata["error_type"]) == (False, "ExecutionEngineFactoryError")
            assert "returned a Promise instead of an agent" in (result.error or "")


# 7. A duration passed in the position of an error made every successful tool look failed.


@pytest.mark.parametrize("told", [events.completed, UserEmitter.notify, WebSocketBridge.notify])
def test_nothing_that_tells_an_end_can_be_mixed_up_by_position(told: Callable[..., Any]) -> None:
    positional = [
        name
        for name, parameter in inspect.signature(told).parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY and name not in {"self", "agent_name", "event", "payload"}
    ]
    assert positional == []


async def test_a_tool_that_answers_is_told_as_a_success_with_its_duration(make_fakes: Any, make_user: Any) -> None:
    async def looks_once(request: ModelRequest, lane: str) -> Message:
        if request.messages[-1].role == "tool":
            return Message("assistant", "done")
        return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", "{}")),))

    user, usage = make_user(), ToolSpec(FunctionSpec("usage_summary", "reads usage", {}))
    engine, channel = engine_for(user, UserAgentFactory(AgentRegistry(make_fakes(looks_once).as_world())))
    async with engine:
        await engine.execute_agent(AgentExecutionContext.of(user, "data", {"message": "hello", "tools": (usage,)}))
        [completed] = [event["payload"] for event in heard(channel) if event["type"] == "tool_completed"]
    assert (completed["status"], completed["result"]) == ("success", "3")
    assert isinstance(completed["execution_time_ms"], int | float)


# 8. Tests asserted a violation and then failed unconditionally; "migrated" was announced while 13 files still imported the deleted module.


def test_no_test_can_only_fail_or_only_pass() -> None:
    """A statement that always fails, or asserts a constant, outside of any condition of its test."""
    hopeless = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith("test_"):
                hopeless += [f"{path.name}:{statement.lineno}" for statement in function.body if _is_decided(statement)]
    assert hopeless == []


def _is_decided(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and ast.unparse(statement.value.func) == "pytest.fail"


def test_legacy_engines_are_imported_by_their_adapters_alone() -> None:
    importers = set()
    for module, tree in modules():
        sources = {source for source, _, _ in imported(tree)} | {f"{source}.{name}" for source, name, _ in imported(tree)}
        if module not in LEGACY and sources & LEGACY:
            importers.add(module)
    assert importers == MAY_IMPORT_LEGACY


def test_no_legacy_module_is_missing_from_the_list() -> None:
    there = {module for module, _ in modules()}
    assert there >= LEGACY | MAY_IMPORT_LEGACY
    assert {module for module in there if "consolidated" in module or module.endswith(".execution_engine")} <= LEGACY


# 9. A benchmark timed a constructor that raised, and reported a slowdown that was not there.


async def test_what_is_timed_as_an_engine_is_an_engine_that_works(make_registry: Any, make_user: Any) -> None:
    user = make_user()
    engine, _ = engine_for(user, UserAgentFactory(make_registry(data=answers)))
    async with engine:
        assert engine.is_active()
        assert (await engine.execute_agent(AgentExecutionContext.of(user, "data", {}))).success
    # goes with: chat
    with pytest.warns(DeprecationWarning, match="shares state between users"), pytest.raises(ValueError, match="registry"):
        ExecutionEngine(None, None)
    # stays


def test_a_run_that_fails_at_once_is_a_failure_and_no_fast_run(make_user: Any) -> None:
    user = make_user()
    request = RunRequest(
        surface="oneshot", tenant_id=user.tenant_id, user_id=user.user_id, thread_id=user.thread_id, run_id=user.run_id,
        payload=b"{}", received_at=0.0,
    )  # fmt: skip
    frame = events.frame("run_result", {"status": "completed", "result": {}}, user, agent_name="", sequence=1, user_id=user.user_id)
    works = Event(kind="run_result", lane="", payload=frame, at_s=0.9)

    def record(origin: Origin, **parts: Any) -> RunRecord:
        return RunRecord(request=request, origin=origin, journal=(), trace_id=None, **parts)

    fails = record(Origin.CONTROL, events=(), outcome="failed", duration_s=0.0004, error=EffectError(type="TypeError", message=""))
    slow = record(Origin.CANDIDATE, events=(works,), outcome="completed", duration_s=0.9)
    compared = compare(fails, slow, stage=Stage.SHADOW, serving=Origin.CONTROL)
    kinds = [divergence.kind for divergence in compared.divergences]
    assert (compared.verdict, "terminal_state" in kinds, "latency" in kinds) == ("divergent", True, False)
