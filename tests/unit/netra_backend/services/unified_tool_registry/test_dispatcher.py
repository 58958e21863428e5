import logging
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any

import pytest

from netra_backend.app.errors import ToolArgumentsError, ToolFailedError, ToolPermissionError, UnknownToolError
from netra_backend.app.services.unified_tool_registry.dispatcher import RegistryToolCaller
from netra_backend.app.services.unified_tool_registry.permissions import TenantPermissions
from netra_backend.app.services.unified_tool_registry.registry import Handler, Tool, ToolPorts, ToolRegistry
from netra_backend.app.services.user_execution_context import UserExecutionContext

Call = Callable[..., Awaitable[Any]]
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
def call_handler(ports: ToolPorts, make_context: Callable[..., UserExecutionContext]) -> Callable[..., Awaitable[Any]]:
    async def call(handler: Handler, arguments: Any) -> Any:
        tool = Tool(name="count", description="Counts.", parameters=NUMBER, permission="usage:read", side_effect=False, handler=handler)
        return await RegistryToolCaller(ToolRegistry([tool]), ports, TenantPermissions()).call(
            make_context(), "count", arguments, lane="data"
        )

    return call


async def echo(_context: Any, arguments: Any, _ports: Any) -> Any:
    return dict(arguments)


async def fail(_context: Any, arguments: Any, _ports: Any) -> Any:
    raise RuntimeError(str(arguments))


async def refuse(*_: Any) -> Any:
    raise ToolArgumentsError("n is not to my taste")


async def test_the_handler_gets_the_checked_arguments(call_handler: Call) -> None:
    assert await call_handler(echo, MappingProxyType({"n": 1})) == {"n": 1}


@pytest.mark.parametrize("arguments", [{}, {"n": "1"}, {"n": 1.5}, {"n": True}, {"n": 1, "m": 2}], ids=str)
async def test_arguments_that_do_not_fit_never_reach_the_handler(call_handler: Call, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolArgumentsError, match="count: "):
        await call_handler(fail, arguments)


async def test_a_refused_argument_is_named(call_handler: Call) -> None:
    with pytest.raises(ToolArgumentsError, match="count: n: 'one' is not of type 'integer'"):
        await call_handler(fail, {"n": "one"})


async def test_an_unknown_tool_is_refused(call: Call) -> None:
    with pytest.raises(UnknownToolError):
        await call("drop_tables")


async def test_a_user_without_the_permission_is_refused_before_the_arguments_are_looked_at(call: Call) -> None:
    with pytest.raises(ToolPermissionError, match="plans:write"):
        await call("save_action_plan", tenant="lookers", nonsense=True)


async def test_a_user_of_a_read_only_tenant_may_still_look(call: Call) -> None:
    assert (await call("usage_summary", tenant="lookers"))["requests"] == 0


async def test_a_failing_handler_gives_a_support_code_that_the_log_has_too_and_nothing_else(
    call_handler: Call, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ToolFailedError, match="support code") as failed:
        await call_handler(fail, {"n": 8675309})
    code = str(failed.value).rsplit(" ", 1)[-1]
    assert code in caplog.text
    assert "RuntimeError" in caplog.text
    assert "8675309" not in caplog.text + str(failed.value)


async def test_a_handler_may_refuse_in_its_own_words(call_handler: Call) -> None:
    with pytest.raises(ToolArgumentsError, match="not to my taste"):
        await call_handler(refuse, {"n": 1})
