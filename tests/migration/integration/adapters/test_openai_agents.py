"""The OpenAI Agents SDK behind its adapter: handoffs, tools that are called at once, sync tools in threads, an error of the model's SDK."""

import asyncio
import json

import httpx2
import msgspec
import openai
import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig, function_tool, set_trace_processors
from agents.tracing import get_current_trace

from migration import Origin
from migration.adapters.openai import async_http_client
from migration.adapters.openai_agents import agents_engine
from migration.effects import effect, lane
from migration.model import RunRequest
from migration.testing import Verdict, compared, explained

REQUEST = RunRequest(surface="bot", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b'{"question":"both"}', received_at=0.0)


@effect("tool")
async def look_up(city: str) -> str:
    return f"{city}: warm"


@effect("tool")
def look_up_now(city: str) -> str:
    return f"{city}: warm"


@function_tool
async def weather(city: str) -> str:
    """Return the weather."""
    return await look_up(city)


@function_tool(name_override="weather")
def weather_in_a_thread(city: str) -> str:
    """Return the weather."""
    with lane(city):
        return look_up_now(city)


set_trace_processors([])  # a served run is traced as it was; here nobody takes traces


@pytest.fixture
async def client(endpoint):
    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k", http_client=async_http_client(), max_retries=0) as client:
        yield client


@pytest.fixture
def building(client):
    def building(model=OpenAIChatCompletionsModel, tool=weather, fault=False, **options):
        def build(_surface, origin):
            settings = ModelSettings(temperature=1.0 if fault and origin is Origin.CANDIDATE else None)
            agent = Agent(name="bot", tools=[tool], model=model(model="m", openai_client=client), model_settings=settings)
            return agents_engine(agent, lambda request: request.body["question"], options=lambda _: options)

        return build

    return building


def asking(question):
    return msgspec.structs.replace(REQUEST, payload=msgspec.json.encode({"question": question}))


@pytest.mark.parametrize("serving", list(Origin), ids=lambda origin: origin.value)
@pytest.mark.parametrize("model", [OpenAIChatCompletionsModel, OpenAIResponsesModel])
@pytest.mark.parametrize("tool", [weather, weather_in_a_thread], ids=["coroutine", "thread"])
async def test_the_same_agent_on_both_sides_matches(endpoint, building, surface, serving, model, tool):  # noqa: PLR0917 - fixtures
    comparison = await compared("bot", {"question": "both"}, serving=serving, engines=building(model, tool))
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert (len(endpoint.asked), comparison.effects_recorded, comparison.effects_replayed) == (2, 4, 4)


async def test_a_planted_difference_is_found(building, surface):
    comparison = await compared("bot", {"question": "both"}, engines=building(fault=True))
    assert comparison.verdict is Verdict.DIVERGENT
    assert "effect_changed" in {one.kind for one in comparison.divergences}, explained(comparison)


async def test_an_error_of_the_models_sdk_ends_both_sides_alike(building, surface, recorded, replayed):
    comparison = await compared("bot", {"question": "fail"}, engines=building())
    assert comparison.verdict is Verdict.MATCH, explained(comparison)

    async def body():
        with pytest.raises(openai.RateLimitError, match="429"):
            [event async for event in building()("bot", Origin.CONTROL).run(asking("fail"))]

    _, journal = await recorded(body)
    await replayed(body, journal)


async def test_lanes_are_agents_and_their_calls(building):
    events = [(event.kind, event.lane) async for event in building()("bot", Origin.CONTROL).run(REQUEST)]
    assert [(kind, lane) for kind, lane in events if "/" in lane] == [
        ("tool_called", "bot/weather#1"),
        ("tool_called", "bot/weather#2"),
        ("tool_output", "bot/weather#1"),
        ("tool_output", "bot/weather#2"),
    ]
    assert (events[0], events[-1]) == (("agent_updated", "bot"), ("final_output", "bot"))


@pytest.mark.parametrize("config", [None, RunConfig(workflow_name="w"), {"workflow_name": "w"}], ids=["none", "object", "dict"])
async def test_a_replay_is_not_traced_and_a_served_run_is_as_it_was(building, recorded, replayed, config):
    told = []

    @function_tool(name_override="weather")
    def traced(city: str) -> str:
        """Return the weather."""
        trace = get_current_trace()
        told.append(trace is not None and trace.export() is not None)
        return city

    async def body():
        options = {} if config is None else {"run_config": config}
        return [event.kind async for event in building(tool=traced, **options)("bot", Origin.CONTROL).run(asking("one"))]

    served, journal = await recorded(body)
    found, _ = await replayed(body, journal)
    assert (told, found) == ([True, False], served)


async def test_a_reader_that_goes_stops_the_agent(endpoint, building):
    events = building()("bot", Origin.CONTROL).run(REQUEST)
    assert (await anext(events)).kind == "agent_updated"
    await events.aclose()
    async with asyncio.timeout(60):
        while [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:  # noqa: ASYNC110 - tasks say nothing
            await asyncio.sleep(0)


async def test_what_is_asked_of_openai_itself_is_the_same_in_every_replay_of_a_run(recorded, replayed):
    """For its own endpoint the SDK adds a key for the prompt's cache, at random if it knows nothing better."""
    asked = []

    def answer(request):
        asked.append(json.loads(request.content))
        return httpx2.Response(429, json={"error": {}})

    async def body():
        port = async_http_client(httpx2.AsyncClient(transport=httpx2.MockTransport(answer)))
        async with openai.AsyncOpenAI(base_url="https://api.openai.com/v1", api_key="k", http_client=port, max_retries=0) as client:
            agent = Agent(name="bot", model=OpenAIResponsesModel(model="m", openai_client=client))
            with pytest.raises(openai.RateLimitError):
                [event async for event in agents_engine(agent, lambda _: "Hi").run(REQUEST)]

    _, journal = await recorded(body)
    _, replay = await replayed(body, journal)
    assert ("prompt_cache_key" in asked[0], replay.tally.missing) == (True, 0)
