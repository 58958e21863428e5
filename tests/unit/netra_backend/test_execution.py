"""The composition root: ports become effects, frames become events in lanes, and a replay has no world but its journal."""

import asyncio
import gc
import json
from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from migration.effects.journals.keys import with_keys
from migration.effects.journals.recording import Recording
from migration.effects.journals.replaying import ReplayJournal
from migration.effects.ports import activate, deactivate
from migration.errors import UnknownSurfaceError
from migration.model import Origin, Outcome, RunRequest
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.errors import ModelTimeoutError, ToolFailedError
from netra_backend.app.execution import CONTROLS, fresh_engine, recorded
from netra_backend.app.lanes import Lanes
from netra_backend.app.services.llm.chat_model import Message, ModelReply, ModelRequest
from netra_backend.app.services.runs import finished_run
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import World

CONTEXT = UserExecutionContext(tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1")
QUESTION = ModelRequest(messages=(Message(role="user", content="Which model costs us most?"),))


class Outside:
    """All four ports at once; raises `error` when it is set."""

    def __init__(self, error=None):
        self.error, self.calls = error, 0

    async def complete(self, _request, /, *, lane):
        return self.answer(ModelReply(message=Message(role="assistant", content=f"said to {lane}")))

    async def call(self, _context, _name, arguments, /, *, lane):
        return self.answer({"given": arguments, "lane": lane})

    def now(self, *, lane):
        return self.answer(datetime(2026, 1, 2, tzinfo=UTC))

    def new(self, purpose, /, *, lane):
        return self.answer(f"{purpose}-id")

    def answer(self, value):
        self.calls += 1
        if self.error:
            raise self.error
        return value


def world_of(outside):
    return recorded(World(model=outside, tools=outside, clock=outside, ids=outside))


async def use_all(world):
    reply = await world.model.complete(QUESTION, lane="data")
    tool = await world.tools.call(CONTEXT, "usage_summary", {"days": 30}, lane="data")
    return reply, tool, world.clock.now(lane="data"), world.ids.new("action_plan", lane="data")


async def record(outside, *, records=True):
    request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1", payload=b"{}", received_at=0.0)
    tape = Recording(request, records=records)
    token = activate(tape)
    try:
        seen = await use_all(world_of(outside))
    finally:
        deactivate(token)
    return seen, tape.record(Origin.CONTROL, "completed", None, None).journal


async def replay(journal, use=use_all):
    outside = Outside()
    answers = ReplayJournal(with_keys(journal))
    token = activate(answers)
    try:
        return await use(world_of(outside)), outside.calls
    finally:
        deactivate(token)


async def test_every_port_answers_as_without_a_journal():
    assert await use_all(world_of(Outside())) == await use_all(World(**dict.fromkeys(("model", "tools", "clock", "ids"), Outside())))


async def test_every_port_is_recorded_once_and_under_its_kind():
    _, journal = await record(Outside())
    assert [(effect.kind, effect.lane) for effect in journal] == [("model", "data"), ("tool", "data"), ("clock", "data"), ("id", "data")]


async def test_a_run_that_is_not_recorded_gets_the_same_values():
    outside = Outside()
    seen, journal = await record(outside, records=False)
    assert (seen, journal, outside.calls) == ((await record(Outside()))[0], (), 4)


class Planting:
    """A canary that replaces every reply."""

    token = "planted"

    def plant(self, kind, _reply, /):
        planted = msgspec.json.encode(ModelReply(message=Message(role="assistant", content="planted")))
        return planted if kind == "model" else b'"planted"'


async def test_a_reply_with_a_canary_is_what_the_engine_gets():
    request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1", payload=b"{}", received_at=0.0)
    token = activate(Recording(request, canary=Planting()))
    try:
        reply, tool, *_ = await use_all(world_of(Outside()))
    finally:
        deactivate(token)
    assert (reply.message.content, tool) == ("planted", "planted")


async def test_a_replay_gives_the_same_values_and_reaches_nothing():
    seen, journal = await record(Outside())
    assert await replay(journal) == (seen, 0)


@pytest.mark.parametrize("error", [ModelTimeoutError("no answer in 5 s"), ToolFailedError("usage_summary failed")])
async def test_a_recorded_error_of_a_port_is_raised_again_as_the_ports_own(error):
    async def ask(world):
        port = world.model.complete(QUESTION, lane="data") if isinstance(error, ModelTimeoutError) else None
        return await (port or world.tools.call(CONTEXT, "usage_summary", {}, lane="data"))

    request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1", payload=b"{}", received_at=0.0)
    tape = Recording(request)
    token = activate(tape)
    with pytest.raises(type(error)):
        await ask(world_of(Outside(error)))
    deactivate(token)
    journal = tape.record(Origin.CONTROL, "failed", None, None).journal
    with pytest.raises(type(error), match=str(error)):
        await replay(journal, ask)


def frame(kind, agent="data", **payload):
    return json.dumps({"type": kind, "agent_name": agent, "payload": payload}).encode()


def test_frames_lie_in_the_lane_of_their_agent_and_tool_events_in_that_of_their_call():
    lanes = Lanes()
    placed = [
        lanes.place(frame(kind, **payload))[1]
        for kind, payload in (
            ("agent_started", {}),
            ("tool_executing", {"tool_name": "prices"}),
            ("tool_executing", {"tool_name": "prices"}),
            ("tool_completed", {"tool_name": "prices"}),
            ("tool_executing", {"tool_name": "usage"}),
            ("tool_completed", {"tool_name": "prices"}),
            ("agent_completed", {}),
        )
    ]
    assert placed == ["data", "data/prices#1", "data/prices#2", "data/prices#1", "data/usage#1", "data/prices#2", "data"]


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("surface", CONTROLS)
def test_each_surface_has_both_engines_for_replays(surface, origin):
    assert fresh_engine(surface, origin) is not fresh_engine(surface, origin)


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("surface", CONTROLS)
def test_nothing_keeps_an_engine_for_replays_that_nobody_uses(surface, origin):
    def alive() -> int:
        gc.collect()
        return sum(isinstance(one, AgentRegistry) for one in gc.get_objects())

    before = alive()
    fresh_engine(surface, origin)
    assert alive() == before


def test_an_unknown_surface_is_named_together_with_the_known_ones():
    with pytest.raises(UnknownSurfaceError, match="chat"):
        fresh_engine("video", Origin.CONTROL)


@pytest.mark.parametrize(
    "origin",
    [
        Origin.CONTROL,  # goes with: chat
        Origin.CANDIDATE,
    ],
)
async def test_a_replayed_engine_without_a_journal_reaches_nothing_and_says_so_in_its_stream(origin):
    request = RunRequest(
        surface="chat",
        tenant_id="acme",
        user_id="ann",
        thread_id="t-1",
        run_id="r-1",
        payload=msgspec.json.encode({"message": "hi", "agent": "assistant", "history": []}),
        received_at=0.0,
    )
    answers = ReplayJournal(())
    token = activate(answers)
    try:
        async with asyncio.timeout(60):
            last = None
            async for event in fresh_engine("chat", origin).run(request):
                last = event
                if event.kind == "agent_error":
                    break
    finally:
        deactivate(token)
    assert last is not None
    assert last.kind == "agent_error"
    assert answers.tally.performed == 0


def test_stored_runs_and_the_migration_know_the_same_outcomes() -> None:
    assert get_args(finished_run.Outcome) == get_args(Outcome)
