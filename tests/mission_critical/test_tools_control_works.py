"""The legacy engine of `tools` does its work: an engine that merely fails is not a control."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from netra_backend.app.controls.tools import ControlTools
from netra_backend.app.errors import InvalidPayloadError, ToolArgumentsError, ToolFailedError, ToolPermissionError
from netra_backend.app.services.unified_tool_registry.execution_engine import ToolExecutionEngine, ToolUsage, ToolUser, UnifiedTool

ANN = ToolUser(tenant_id="acme", user_id="ann")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Steps:
    """A tool and its permission service, which note the order in which they are asked."""

    def __init__(self, *, allowed: bool = True, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._allowed, self._error = allowed, error
        self.tool = UnifiedTool(name="double", permission="math:do", handler=self._handle, parameters=SCHEMA)

    def allows(self, user: ToolUser, permission: str, /) -> bool:
        self.asked.append(f"{user.user_id} {permission}")
        return self._allowed

    async def _handle(self, user: ToolUser, arguments: Mapping[str, Any]) -> Any:
        self.asked.append("handler")
        if self._error is not None:
            raise self._error
        return arguments["n"] * 2


class Session:
    def __init__(self) -> None:
        self.added: list[ToolUsage] = []

    def add(self, usage: ToolUsage, /) -> None:
        self.added.append(usage)


async def test_a_call_is_permission_schema_handler_and_a_usage_record() -> None:
    steps, session = Steps(), Session()
    times_s = iter([1.0, 1.5])
    engine = ToolExecutionEngine(steps, clock=lambda: next(times_s))
    result = await engine.execute_unified_tool(steps.tool, {"n": 21}, ANN, session)
    assert (result.status, result.result, result.error_message, result.duration_s) == ("success", 42, None, 0.5)
    assert steps.asked == ["ann math:do", "handler"]
    assert session.added == [ToolUsage(tool_name="double", tenant_id="acme", user_id="ann", status="success", duration_s=0.5)]
    assert engine.usage == tuple(session.added)


@pytest.mark.parametrize(
    ("allowed", "arguments", "status", "asked"),
    [(False, {"n": "no number"}, "permission_denied", ["ann math:do"]), (True, {}, "error", ["ann math:do"])],
)
async def test_a_refused_call_never_reaches_the_handler(allowed: bool, arguments: Any, status: str, asked: list[str]) -> None:
    steps = Steps(allowed=allowed)
    result = await ToolExecutionEngine(steps).execute_unified_tool(steps.tool, arguments, ANN)
    assert (result.status, result.result, steps.asked) == (status, None, asked)


async def test_a_tool_that_is_not_there_is_an_error() -> None:
    engine = ToolExecutionEngine(Steps())
    assert (await engine.execute_unified_tool(None, {}, ANN)).status == "error"
    engine.register_tool(Steps().tool)
    by_name = await engine.execute_tool("triple", {})
    assert (by_name.status, by_name.error_message) == ("error", "no such tool; use one of: double")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ToolPermissionError("you may not"), "permission_denied", "you may not"),
        (ToolArgumentsError("since is after until"), "error", "since is after until"),
        (ToolFailedError("it failed"), "error", "it failed"),
        (RuntimeError("secret of ann"), "error", None),
    ],
)
async def test_whatever_a_handler_raises_is_a_status(
    error: Exception, status: str, message: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    steps = Steps(error=error)
    result = await ToolExecutionEngine(steps).execute_unified_tool(steps.tool, {"n": 1}, ANN)
    assert (result.status, result.result) == (status, None)
    assert message is None or result.error_message == message
    assert "secret" not in f"{result.error_message} {caplog.text}"


async def test_a_thousand_usage_records_are_kept() -> None:
    steps = Steps()
    engine = ToolExecutionEngine(steps)
    for number in range(ToolExecutionEngine.MAX_USAGE_RECORDS + 5):
        await engine.execute_unified_tool(steps.tool, {"n": number}, ANN)
    assert len(engine.usage) == ToolExecutionEngine.MAX_USAGE_RECORDS


@pytest.mark.parametrize("payload", [{}, {"tool": 7}, {"tool": "x", "arguments": []}])
async def test_a_request_that_cannot_be_read_raises_and_sends_nothing(payload: dict[str, Any], make_fakes: Any, make_user: Any) -> None:
    with pytest.raises(InvalidPayloadError):
        await anext(ControlTools(make_fakes().as_world()).stream(make_user(), payload))


async def test_the_tool_is_called_for_the_user_of_the_request(make_fakes: Any, make_user: Any) -> None:
    fakes = make_fakes()
    control = ControlTools(fakes.as_world())
    [frame] = [json.loads(frame) async for frame in control.stream(make_user("bob"), {"tool": "usage_summary"})]
    await control.aclose()
    assert (fakes.tool_calls, frame["user_id"], frame["sequence"], frame["agent_name"]) == ([("bob", "usage_summary")], "bob", 1, "")
