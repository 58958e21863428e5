"""What the legacy engine of `tools` does worse than the target, each on both."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine as ChatEngine
from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.tools import ControlTools
from netra_backend.app.errors import AgentTimeoutError, ToolPermissionError, UserLimitExceededError
from netra_backend.app.services.unified_tool_registry import ExecutionEngine as NamedLikeTheOthers
from netra_backend.app.services.unified_tool_registry.execution_engine import SERVICE_USER, ToolExecutionEngine, ToolUser, UnifiedTool
from netra_backend.app.services.user_execution_context import UserExecutionContext

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]
CONTROL_AND_CANDIDATE = pytest.mark.parametrize("keeps", [True, False], ids=["ControlTools", "Candidate"])


def adapter_of(keeps: bool, world: Any) -> Any:
    return ControlTools(world) if keeps else Candidate(world)


async def call(adapter: Any, user: UserExecutionContext, tool: str = "usage_summary") -> list[dict[str, Any]]:
    stream = adapter.stream if isinstance(adapter, ControlTools) else adapter.call_tool
    return [json.loads(frame) async for frame in stream(user, {"tool": tool, "arguments": {}})]


@CONTROL_AND_CANDIDATE
async def test_a_call_is_not_announced(keeps: bool, make_fakes: Any, make_user: Any) -> None:
    adapter = adapter_of(keeps, make_fakes().as_world())
    events = await call(adapter, make_user())
    await adapter.aclose()
    assert [event["type"] for event in events] == [*([] if keeps else ["tool_executing", "tool_completed"]), "run_result"]
    assert (events[-1]["payload"]["result"]["value"], events[-1]["payload"]["status"]) == (3, "completed")


@CONTROL_AND_CANDIDATE
def test_a_call_may_take_for_ever(keeps: bool, virtual: Virtual, make_fakes: Any, make_user: Any) -> None:
    async def takes_an_hour(name: str) -> Any:
        await asyncio.sleep(3600)
        return "at last"

    async def scenario() -> tuple[object, float]:
        adapter = adapter_of(keeps, make_fakes(answer=takes_an_hour).as_world())
        try:
            outcome: object = (await call(adapter, make_user()))[-1]["payload"]["result"]["value"]
        except AgentTimeoutError as error:
            outcome = error.limit_s
        took_s = asyncio.get_running_loop().time()
        await adapter.aclose()
        return outcome, took_s

    assert virtual(scenario()) == (("at last", 3600.0) if keeps else (25.0, 25.0))


@CONTROL_AND_CANDIDATE
async def test_a_user_may_have_any_number_of_calls_under_way(keeps: bool, make_fakes: Any, make_user: Any) -> None:
    """As many calls as are let in meet at a barrier, so they are all under way at once."""
    together = 50 if keeps else 2
    barrier = asyncio.Barrier(together)

    async def meets(name: str) -> Any:
        await barrier.wait()
        return 3

    adapter = adapter_of(keeps, make_fakes(answer=meets).as_world())
    ended = await asyncio.gather(*(call(adapter, make_user("ann", number)) for number in range(50)), return_exceptions=True)
    await adapter.aclose()
    refused = [error for error in ended if isinstance(error, BaseException)]
    assert len(refused) == 50 - together
    assert all(isinstance(error, UserLimitExceededError) for error in refused)


class OnlyServices:
    """A permission service for which no human may do anything."""

    def allows(self, user: ToolUser, permission: str, /) -> bool:
        return user == SERVICE_USER


async def test_by_name_nobody_asks_whether_the_caller_may(make_fakes: Any, make_user: Any) -> None:
    called_as: list[ToolUser] = []

    async def handler(user: ToolUser, arguments: Mapping[str, Any]) -> Any:
        called_as.append(user)
        return "saved"

    tool = UnifiedTool(name="save_action_plan", permission="plans:write", handler=handler, parameters={})
    legacy = ToolExecutionEngine(OnlyServices())
    legacy.register_tool(tool)
    as_ann = await legacy.execute_unified_tool(tool, {}, ToolUser(tenant_id="acme", user_id="ann"))
    by_name = await legacy.execute_tool("save_action_plan", {})
    assert (as_ann.status, by_name.status, called_as) == ("permission_denied", "success", [SERVICE_USER])


async def test_the_target_asks_whether_the_caller_may_by_any_name(make_fakes: Any, make_user: Any) -> None:
    asked: list[str] = []

    class NobodyMay:
        async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
            asked.append(context.user_id)
            raise ToolPermissionError("you may not call save_action_plan")

    world = make_fakes().as_world()
    candidate = Candidate(type(world)(model=world.model, tools=NobodyMay(), clock=world.clock, ids=world.ids))
    result = (await call(candidate, make_user("ann"), "save_action_plan"))[-1]["payload"]["result"]
    await candidate.aclose()
    assert (result["status"], result["error"], asked) == ("permission_denied", "you may not call save_action_plan", ["ann"])


def test_the_tools_engine_uses_the_name_of_another_engine() -> None:
    assert NamedLikeTheOthers is ToolExecutionEngine
    assert NamedLikeTheOthers.__name__ != ChatEngine.__name__
    assert not hasattr(NamedLikeTheOthers, "execute_agent")
