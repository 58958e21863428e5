"""PydanticAI behind its adapter: tools that are called at once, sync tools in threads, an error of the model's SDK, a scripted model."""

import asyncio

import msgspec
import openai
import pytest
from pydantic_ai import Agent, ModelHTTPError
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from migration import Origin
from migration.adapters.openai import async_http_client
from migration.adapters.pydantic_ai import pydantic_ai_engine
from migration.effects import effect
from migration.model import RunRequest
from migration.testing import Verdict, compared, explained

REQUEST = RunRequest(surface="bot", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b'{"question":"both"}', received_at=0.0)


@effect("tool")
async def look_up(city: str) -> str:
    await asyncio.sleep(0.01 if city == "Rome" else 0)
    return f"{city}: warm"


@effect("tool")
def look_up_now(city: str) -> str:
    return f"{city}: warm"


@effect("model")
async def scripted(question: str, answered: bool) -> dict[str, object]:
    return {"words": ["It ", "is"]} if answered else {"calls": ["Rome", "Oslo"]}


async def stream(messages, _info):
    """A model of one's own."""
    answered = any(part.part_kind == "tool-return" for part in messages[-1].parts)
    found = await scripted(str(messages[0].parts[0].content), answered)
    for place, city in enumerate(found.get("calls", ())):
        yield {place: DeltaToolCall(name="weather", json_args=msgspec.json.encode({"city": city}).decode(), tool_call_id=f"c{place}")}
    for word in found.get("words", ()):
        yield word


@pytest.fixture
async def client(endpoint):
    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k", http_client=async_http_client(), max_retries=0) as client:
        yield client


@pytest.fixture
def building(client):
    provider = OpenAIProvider(openai_client=client)
    models = {
        "chat": lambda: OpenAIChatModel("m", provider=provider),
        "responses": lambda: OpenAIResponsesModel("m", provider=provider),
        "function": lambda: FunctionModel(stream_function=stream),
    }

    def building(model="chat", threads=False, fault=False):
        def build(_surface, origin):
            wrong = fault and origin is Origin.CANDIDATE
            agent = Agent(models[model](), model_settings={"temperature": 1.0} if wrong else None)
            if threads:

                @agent.tool_plain(name="weather")
                def weather_now(city: str) -> str:
                    return look_up_now(city)

            else:

                @agent.tool_plain
                async def weather(city: str) -> str:
                    return await look_up(city)

            return pydantic_ai_engine(agent, lambda request: request.body["question"])

        return build

    return building


@pytest.mark.parametrize("serving", list(Origin), ids=lambda origin: origin.value)
@pytest.mark.parametrize("model", ["chat", "responses", "function"])
@pytest.mark.parametrize("threads", [False, True], ids=["coroutine", "thread"])
async def test_the_same_agent_on_both_sides_matches(building, surface, serving, model, threads):
    comparison = await compared("bot", {"question": "both"}, serving=serving, engines=building(model, threads))
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert (comparison.effects_recorded, comparison.effects_replayed) == (4, 4)


async def test_a_planted_difference_is_found(building, surface):
    comparison = await compared("bot", {"question": "both"}, engines=building(fault=True))
    assert comparison.verdict is Verdict.DIVERGENT
    assert "effect_changed" in {one.kind for one in comparison.divergences}, explained(comparison)


async def test_an_error_of_the_models_sdk_ends_both_sides_alike(building, surface, recorded, replayed):
    comparison = await compared("bot", {"question": "fail"}, engines=building())
    assert comparison.verdict is Verdict.MATCH, explained(comparison)

    async def body():
        request = msgspec.structs.replace(REQUEST, payload=b'{"question":"fail"}')
        with pytest.raises(ModelHTTPError) as failed:
            [event async for event in building()("bot", Origin.CONTROL).run(request)]
        return failed.value.status_code, type(failed.value.__cause__)

    served, journal = await recorded(body)
    assert (await replayed(body, journal))[0] == served == (429, openai.RateLimitError)


async def test_lanes_are_the_calls_of_tools(building):
    events = [(event.kind, event.lane) for event in [event async for event in building()("bot", Origin.CONTROL).run(REQUEST)]]
    assert sorted((kind, lane) for kind, lane in events if lane) == [
        ("function_tool_call", "weather#1"),
        ("function_tool_call", "weather#2"),
        ("function_tool_result", "weather#1"),
        ("function_tool_result", "weather#2"),
    ]
    assert events[-1] == ("agent_run_result", "")


async def test_a_reader_that_goes_stops_the_agent(building):
    events = building()("bot", Origin.CONTROL).run(REQUEST)
    assert (await anext(events)).kind == "part_start"
    await events.aclose()
    async with asyncio.timeout(60):
        while [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:  # noqa: ASYNC110 - tasks say nothing
            await asyncio.sleep(0)
