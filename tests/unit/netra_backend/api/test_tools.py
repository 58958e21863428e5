"""`POST /api/tools/{tool}`: what is asked, what is answered, and what is refused before any engine sees it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

TOOL = "/api/tools/price_lookup"


def ending(frame_of: Any, **result: Any) -> Any:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield frame_of("run_result", status="completed" if result["status"] == "success" else "failed", result=result)

    return script


async def test_the_answer_is_the_tools(site: Any, frame_of: Any) -> None:
    result = {"tool_name": "price_lookup", "success": True, "status": "success", "value": [1], "error": None, "execution_time_ms": 1.5}
    site.execution.script = ending(frame_of, **result)
    answer = await site.post(TOOL, {"arguments": {"model": "gpt-4o"}, "request_id": "q-1"})
    [(surface, context, payload)] = site.execution.asked
    assert (surface, payload) == ("tools", {"tool": "price_lookup", "arguments": {"model": "gpt-4o"}})
    assert answer.json() == {
        "run_id": context.run_id, "thread_id": context.thread_id, "request_id": "q-1", "status": "completed", "result": result
    }  # fmt: skip


async def test_a_tool_that_could_not_answer_is_an_answer(site: Any, frame_of: Any) -> None:
    site.execution.script = ending(frame_of, status="error", error="no such model")
    answer = await site.post(TOOL)
    assert (answer.status_code, answer.json()["status"], answer.json()["result"]["error"]) == (200, "failed", "no such model")


async def test_a_tool_that_the_user_may_not_call_is_forbidden(site: Any, frame_of: Any) -> None:
    site.execution.script = ending(frame_of, status="permission_denied", error="you may not call price_lookup")
    answer = await site.post(TOOL)
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (
        403, "permission_denied", "you may not call price_lookup"
    )  # fmt: skip


@pytest.mark.parametrize("tool", ["rm", "usage-summary", "%20"])
async def test_a_tool_that_is_not_there_is_not_found(tool: str, site: Any) -> None:
    answer = await site.post(f"/api/tools/{tool}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_tool")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {"arguments": []},
        {"arguments": {"colour": "red"}},
        {"arguments": {"model": 7}},
        {"args": {}},
        {"thread_id": "none"},
    ],
)
async def test_arguments_that_do_not_fit_are_refused_before_any_engine_sees_them(body: Any, site: Any) -> None:
    answer = await site.post(TOOL, body)
    assert (answer.status_code, answer.json()["code"], site.execution.asked) == (422, "invalid_request", [])


async def test_too_long_and_too_often_are_refused(make_site: Any) -> None:
    async with make_site({"monotonic": lambda: 100.0}, rate_limit_burst=1, max_message_bytes=1024) as site:
        assert (await site.post(TOOL, b" " * 2000)).status_code == 413
        await site.post(TOOL)
        assert (await site.post(TOOL)).status_code == 429
