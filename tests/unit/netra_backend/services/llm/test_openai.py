"""Against a real HTTP server on loopback that speaks the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.errors import ModelTimeoutError, ModelUnavailableError
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec, Usage
from netra_backend.app.services.llm.provider import OpenChatModel, open_chat_model

KEY = "sk-a-key-that-nobody-may-see"
QUESTION = ModelRequest(messages=(Message(role="system", content="Be brief."), Message(role="user", content="hunter2?")))
CALL = ToolCall(id="call_1", function=FunctionCall(name="price_lookup", arguments='{"model": "gpt-4o"}'))


@dataclass
class Endpoint:
    """Gives its answers in order, and keeps what it was asked. An answer of None never comes."""

    answers: list[tuple[int, bytes] | None] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    port: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, status: int = 200, **body: Any) -> None:
        self.answers.append((status, json.dumps(body).encode()))

    def say(self, usage: Any = None, **message: Any) -> None:
        self.answer(choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}], usage=usage)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                self.headers.append(head)
                self.asked.append(json.loads(await reader.readexactly(size)))
                self.reached.set()
                answer = self.answers.pop(0)
                if answer is None:
                    await reader.read()
                    return
                fields = {"content-type": "application/json", "retry-after-ms": 1, "content-length": len(answer[1])}
                head_lines = [f"HTTP/1.1 {answer[0]} X", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
                writer.write("\r\n".join(head_lines).encode() + answer[1])
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    endpoint.port = server.sockets[0].getsockname()[1]
    yield endpoint
    server.close()


@pytest.fixture
async def make_model(endpoint: Endpoint) -> AsyncIterator[Callable[..., OpenChatModel]]:
    from netra_backend.app.services.llm.openai import OpenAIChatModel  # takes long, and collecting takes short

    made: list[OpenChatModel] = []

    def make(*, timeout_s: float = 10.0, retries: int = 0, port: int | None = None) -> OpenChatModel:
        url = f"http://127.0.0.1:{port or endpoint.port}/v1"
        made.append(OpenAIChatModel(base_url=url, api_key=KEY, model="gpt-4o-mini", timeout_s=timeout_s, max_retries=retries))
        return made[-1]

    yield make
    for model in made:
        await model.aclose()


Make = Callable[..., OpenChatModel]


async def test_an_answer_comes_back_with_its_usage(endpoint: Endpoint, make_model: Make) -> None:
    endpoint.say(content="42", usage={"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4})
    reply = await make_model().complete(QUESTION, lane="assistant")
    assert (reply.message, reply.usage) == (Message(role="assistant", content="42"), Usage(prompt_tokens=3, completion_tokens=1))


async def test_the_request_is_sent_in_the_words_of_the_protocol(endpoint: Endpoint, make_model: Make) -> None:
    endpoint.say(content="ok")
    spec = ToolSpec(function=FunctionSpec(name="price_lookup", description="Prices.", parameters={"type": "object"}))
    answered = (Message(role="assistant", tool_calls=(CALL,)), Message(role="tool", content="{}", tool_call_id="call_1"))
    await make_model().complete(ModelRequest(messages=(*QUESTION.messages, *answered), tools=(spec,)), lane="assistant")
    assert endpoint.asked == [
        {
            "model": "gpt-4o-mini",
            "temperature": 0.0,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hunter2?"},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"type": "function", "id": "call_1", "function": {"name": "price_lookup", "arguments": '{"model": "gpt-4o"}'}}
                    ],
                },
                {"role": "tool", "content": "{}", "tool_call_id": "call_1"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "price_lookup", "description": "Prices.", "parameters": {"type": "object"}}}
            ],
        }
    ]
    assert f"Bearer {KEY}".encode() in endpoint.headers[0]


async def test_a_request_may_name_another_model(endpoint: Endpoint, make_model: Make) -> None:
    endpoint.say(content="ok")
    await make_model().complete(ModelRequest(messages=QUESTION.messages, model="gpt-4.1"), lane="assistant")
    assert endpoint.asked[0]["model"] == "gpt-4.1"


@pytest.mark.parametrize("with_type", [True, False])
async def test_tool_calls_come_back_as_the_model_wrote_them(endpoint: Endpoint, make_model: Make, with_type: bool) -> None:
    kind = {"type": "function"} if with_type else {}
    endpoint.say(
        content=None, tool_calls=[{**kind, "id": "call_1", "function": {"name": "price_lookup", "arguments": CALL.function.arguments}}]
    )
    reply = await make_model().complete(QUESTION, lane="assistant")
    assert (reply.message.content, reply.message.tool_calls, reply.usage) == (None, (CALL,), None)


async def test_a_refusal_of_the_model_is_an_answer(endpoint: Endpoint, make_model: Make) -> None:
    endpoint.say(content=None, refusal="I will not.")
    assert (await make_model().complete(QUESTION, lane="assistant")).message.content == "I will not."


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_a_passing_failure_is_tried_again(endpoint: Endpoint, make_model: Make, status: int) -> None:
    endpoint.answer(status, error={"message": "busy"})
    endpoint.say(content="ok")
    assert (await make_model(retries=1).complete(QUESTION, lane="assistant")).message.content == "ok"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "HTTP 400"),
        (401, "NETRA_OPENAI_API_KEY"),
        (404, "NETRA_OPENAI_MODEL"),
        (429, "rate limit"),
        (500, "HTTP 500"),
        (503, "try again later"),
    ],
)
async def test_a_refused_request_says_what_to_do_and_quotes_nothing(
    endpoint: Endpoint, make_model: Make, caplog: pytest.LogCaptureFixture, status: int, advice: str
) -> None:
    endpoint.answer(status, error={"message": f"Incorrect API key {KEY} for hunter2?"})
    with pytest.raises(ModelUnavailableError, match=advice) as refused:
        await make_model().complete(QUESTION, lane="assistant")
    said = str(refused.value) + caplog.text
    assert KEY not in said
    assert "hunter2" not in said
    assert refused.value.__cause__ is None


async def test_failures_that_do_not_pass_end_after_the_last_try(endpoint: Endpoint, make_model: Make) -> None:
    for _ in range(3):
        endpoint.answer(500)
    with pytest.raises(ModelUnavailableError, match="HTTP 500"):
        await make_model(retries=2).complete(QUESTION, lane="assistant")
    assert len(endpoint.asked) == 3


async def test_no_answer_in_time_is_a_timeout_however_many_tries_are_left(endpoint: Endpoint, make_model: Make) -> None:
    endpoint.answers = [None] * 10
    with pytest.raises(ModelTimeoutError, match=r"within 0\.2 s"):
        await make_model(timeout_s=0.2, retries=9).complete(QUESTION, lane="assistant")
    assert len(endpoint.asked) == 1


async def test_an_endpoint_that_is_not_there_is_unavailable(make_model: Make) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(ModelUnavailableError, match="NETRA_OPENAI_BASE_URL"):
        await make_model(port=port).complete(QUESTION, lane="assistant")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": "cut',
        b'{"choices": [{"message": {"tool_calls": [{"id": "call_1"}]}}]}',
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        b'{"choices": [{"message": {}}]}',
        b"[]",
        b"null",
    ],
)
async def test_an_answer_that_cannot_be_read_is_unavailable(endpoint: Endpoint, make_model: Make, body: bytes) -> None:
    endpoint.answers.append((200, body))
    with pytest.raises(ModelUnavailableError, match="the model"):
        await make_model().complete(QUESTION, lane="assistant")


async def test_cancelling_a_request_cancels_it(endpoint: Endpoint, make_model: Make) -> None:
    endpoint.answers.append(None)
    task = asyncio.create_task(make_model().complete(QUESTION, lane="assistant"))
    await endpoint.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_settings_name_endpoint_key_and_model(endpoint: Endpoint, settings: Settings) -> None:
    endpoint.say(content="ok")
    changes = {
        "openai_base_url": f"http://127.0.0.1:{endpoint.port}/v1",
        "openai_api_key": type(settings.jwt_secret)(KEY),
        "openai_model": "gpt-4.1",
    }
    model = open_chat_model(settings.model_copy(update=changes | {"model_provider": "openai"}))
    await model.complete(QUESTION, lane="assistant")
    await model.aclose()
    assert (endpoint.asked[0]["model"], KEY.encode() in endpoint.headers[0]) == ("gpt-4.1", True)
