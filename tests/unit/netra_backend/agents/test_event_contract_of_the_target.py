"""Whatever agents, models and tools do, the target engine's stream obeys the whole event contract."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netra_backend.app.candidate import Candidate
from netra_backend.app.errors import EngineClosedError, ModelTimeoutError, ToolFailedError, ToolPermissionError
from netra_backend.app.services.llm.chat_model import FunctionCall, Message, ModelRequest, ToolCall
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.contract import check_contract
from netra_backend.app.world import World

TOOL_ENDINGS = st.sampled_from(["answers", "slow", "fails", "refuses", "breaks", "hangs"])
MODEL_ENDINGS = st.one_of(
    st.just("answers"),
    st.just("answers"),
    st.sampled_from(["blank", "times_out", "breaks", "hangs", "malformed"]),
    st.lists(TOOL_ENDINGS, min_size=1, max_size=3).map(tuple),
)
CLOSINGS = st.one_of(st.none(), st.none(), st.integers(1, 12))
VERDICTS = st.sampled_from(["sufficient", "partial", "insufficient"])


class Script:
    """Plays the drawn endings, one a model call, and answers when it has run out of them."""

    def __init__(self, endings: list[Any], verdict: str) -> None:
        self._endings = iter(endings)
        self._verdict = verdict

    async def model(self, request: ModelRequest, lane: str) -> Message:
        answer = Message("assistant", json.dumps({"data_sufficiency": self._verdict}) if lane == "triage" else f"{lane} done")
        match next(self._endings, "answers"):
            case "answers":
                return answer
            case "blank":
                return Message("assistant", "  ")
            case "times_out":
                raise ModelTimeoutError("the model did not answer in 5 s")
            case "breaks":
                raise ConnectionResetError("peer")
            case "hangs":
                await asyncio.Event().wait()
            case "malformed":
                return Message("assistant", tool_calls=(ToolCall("x", FunctionCall("usage_summary", "{oops")),))
            case tools:
                calls = [ToolCall(str(number), FunctionCall(f"{tool}", "{}")) for number, tool in enumerate(tools)]
                return Message("assistant", tool_calls=tuple(calls))
        return answer

    async def tool(self, name: str, arguments: Mapping[str, Any]) -> Any:
        match name:
            case "slow":
                await asyncio.sleep(1)
            case "fails":
                raise ToolFailedError("no rows")
            case "refuses":
                raise ToolPermissionError("not for you")
            case "breaks":
                raise ZeroDivisionError
            case "hangs":
                await asyncio.Event().wait()
        return {"rows": 3}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    agent=st.sampled_from(["supervisor", "assistant", "data"]),
    endings=st.lists(MODEL_ENDINGS, max_size=8),
    verdict=VERDICTS,
    closes_after=CLOSINGS,
)
def test_the_stream_obeys_the_contract_whatever_happens(
    agent: str,
    endings: list[Any],
    verdict: str,
    closes_after: int | None,
    *,
    virtual: Callable[..., Any],
    make_world: Callable[..., World],
    make_user: Callable[..., UserExecutionContext],
) -> None:
    """`closes_after`: the application closes after so many frames; None: it does not."""

    async def scenario() -> list[bytes]:
        script = Script(endings, verdict)
        candidate = Candidate(make_world(script.model, script.tool))
        frames: list[bytes] = []
        with contextlib.suppress(*([] if closes_after is None else [EngineClosedError])):
            async for frame in candidate.stream(make_user(), {"message": "how much did we spend?", "agent": agent}):
                frames.append(frame)
                if len(frames) == closes_after:
                    await candidate.aclose()
        await candidate.aclose()
        assert candidate.factory.get_factory_metrics()["active_engines"] == 0
        return frames

    assert check_contract(virtual(scenario())) == []
