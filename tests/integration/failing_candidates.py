"""The backend with real engines and clients, where the candidate fails at a chosen event. Used by the suite and by the long version."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import connect

from migration.settings import MigrationSettings
from netra_backend.app.config import Settings
from netra_backend.app.execution import BackendExecution, backend
from netra_backend.app.main import create_app
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.outside import Outside
from netra_backend.app.services.sample_data import seed
from netra_backend.app.services.tokens import mint
from netra_backend.app.world import World
from tests.integration.conftest import Client, serving
from tests.unit.migration.flags.making import at as stage_flag
from tests.unit.migration.flags.making import flag_file, sampling, switch

SURFACES = ("chat", "oneshot", "batch", "tools")
PATIENCE_S = 60.0
PLAN = {"plan_id": "0123456789abcdef" * 2, "title": "Save", "items": [{"action": "Move to a smaller model"}]}
#: What clients ask: the surface, and the request. `{}` takes a number, so that no run is answered from a cache of another one.
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"message": "How can we lower what gpt-4o costs us, and save a plan? ({})"}),
    ("chat", {"message": "What did we spend on gpt-4o? ({})", "agent": "data"}),
    ("oneshot", {"message": "What did we spend on gpt-4o? ({})", "agent": "data"}),
    ("oneshot", {"message": "Save a plan to lower our cost. ({})", "agent": "actions"}),
    ("batch", {"message": "How can we lower the cost of gpt-4o? ({})", "agent": "optimization"}),
    ("tools", {"tool": "usage_summary", "arguments": {}}),
    ("tools", {"tool": "save_action_plan", "arguments": PLAN}),
)
WAYS: Mapping[str, Callable[[], BaseException | None]] = {
    "exception": lambda: RuntimeError("a defect of the candidate"),
    "time limit": TimeoutError,
    "fatal": lambda: FatalError("a defect of the candidate"),
    "stops": lambda: None,
}


class FatalError(BaseException):
    """No `except Exception` sees it."""


@dataclass
class Faults:
    """Where the candidate fails, and what was done outside."""

    at: int | None = None  #: before this frame; None: nowhere
    way: str = "exception"
    done: Counter[tuple[str, ...]] = field(default_factory=Counter)  #: calls that were answered, by content

    def around(self, stream: Callable[..., AsyncGenerator[bytes, None]]) -> Callable[..., AsyncGenerator[bytes, None]]:
        """Return the candidate's stream with the fault."""

        async def failing(context: Any, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
            number = 0
            async with aclosing(stream(context, payload)) as frames:
                while True:
                    if number == self.at:
                        if (error := WAYS[self.way]()) is not None:
                            raise error
                        return
                    frame = await anext(frames, None)
                    if frame is None:
                        return
                    yield frame
                    number += 1

        return failing

    @property
    def plans(self) -> int:
        """How often a plan was saved."""
        return sum(times for what, times in self.done.items() if "save_action_plan" in what)

    def counted(self, world: World) -> World:
        """Return the same world, which counts."""
        faults = self

        class Model:
            async def complete(self, request: Any, /, *, lane: str) -> Any:
                reply = await world.model.complete(request, lane=lane)
                faults.done["model", lane, str(request.messages)] += 1
                return reply

        class Tools:
            async def call(self, context: Any, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
                answer = await world.tools.call(context, name, arguments, lane=lane)
                faults.done["tool", lane, name, json.dumps(arguments, sort_keys=True)] += 1
                return answer

        return World(model=Model(), tools=Tools(), clock=world.clock, ids=world.ids)


@dataclass
class Heard:
    """What one client got."""

    frames: list[dict[str, Any]]  #: of the run
    end: dict[str, Any] | None  #: what the protocol ends a run with
    error: dict[str, Any] | None  #: a typed one

    @property
    def completed(self) -> bool:
        return self.error is None and self.end is not None and self.end.get("outcome", self.end.get("status")) == "completed"


class Backend:
    """A running backend and its clients."""

    def __init__(self, address: str, settings: Settings, faults: Faults, registry: CollectorRegistry) -> None:
        self.address, self.settings, self.faults, self.registry = address, settings, faults, registry
        self.token = mint(settings, "acme", "ann")
        self._asked = 0

    async def ask(self, surface: str, request: Mapping[str, Any]) -> Heard:
        """Be a client of that surface, and check what it gets."""
        self._asked += 1
        self.faults.done.clear()
        body = {key: value.format(self._asked) if key == "message" else value for key, value in request.items()}
        if "arguments" in body and "plan_id" in body["arguments"]:
            body["arguments"] = {**body["arguments"], "plan_id": f"{self._asked:032x}"}
        async with asyncio.timeout(PATIENCE_S):
            heard = await (self._chat(body) if surface == "chat" else self._post(surface, body))
        assert faults_of(heard) == [], (surface, request, self.faults.at, self.faults.way, [one["type"] for one in heard.frames])
        return heard

    async def _chat(self, body: Mapping[str, Any]) -> Heard:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(f"ws://{self.address}/ws/chat", proxy=None, additional_headers=headers) as socket:
            client = Client(socket)
            await client.send(type="chat", **body)
            said = await client.until("run_finished")
        own = {"run_accepted", "run_finished", "error"}
        error = next((one for one in said if one["type"] == "error"), None)
        assert all(one["run_id"] == said[0]["run_id"] for one in said)
        return Heard([one for one in said if one["type"] not in own], said[-1], error)

    async def _post(self, surface: str, body: Mapping[str, Any]) -> Heard:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream" if surface != "tools" else "application/json"}
        path, sent = {
            "oneshot": lambda: (f"/api/agents/{body['agent']}/run", {"message": body["message"]}),
            "batch": lambda: ("/api/batch", {"items": [{"message": body["message"]}], "agent": body["agent"]}),
            "tools": lambda: (f"/api/tools/{body['tool']}", {"arguments": body["arguments"]}),
        }[surface]()
        async with httpx.AsyncClient(base_url=f"http://{self.address}", headers=headers, timeout=PATIENCE_S, trust_env=False) as client:
            answer = await client.post(path, json=sent)
        if not answer.headers["content-type"].startswith("text/event-stream"):
            found = answer.json()
            return Heard([], found if answer.status_code == 200 else None, None if answer.status_code == 200 else found)
        return _read(surface, answer.text)

    def share(self) -> Counter[str]:
        """Return how many runs ended with each result of a failover."""
        found: Counter[str] = Counter()
        for sample in (sample for metric in self.registry.collect() for sample in metric.samples):
            if sample.name == "migration_failovers_total":
                found[sample.labels["result"]] += int(sample.value)
        return +found


def _read(surface: str, text: str) -> Heard:
    """Return what the server-sent events say."""
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block.strip()]
    said = [(one["event"], json.loads(one["data"])) for one in events]
    errors = [data for kind, data in said if kind == "error"]
    if surface == "batch":
        frames = [data["event"] for kind, data in said if kind == "item_event"]
        ends = [data for kind, data in said if kind == "item_finished"]
        assert len(ends) == 1
        end = ends[0]
        errors = [end] if end["status"] != "completed" else []
    else:
        frames = [data for kind, data in said if kind != "error"]
        ends = [frame["payload"] for frame in frames if frame["type"] == "run_result"]
        assert len(ends) + len(errors) == 1
        end = ends[0] if ends else None
    return Heard(frames, end, errors[0] if errors else None)


def faults_of(heard: Heard) -> list[str]:
    """Return what a client must never see, and this one did."""
    frames = heard.frames
    found = []
    if any(after["sequence"] != before["sequence"] + 1 for before, after in pairwise(frames)):
        found.append("the numbers have gaps")
    if len({(one["tenant_id"], one["user_id"], one["thread_id"], one["run_id"]) for one in frames}) > 1:
        found.append("foreign events")
    for agent in {one["agent_name"] for one in frames}:
        kinds = [one["type"] for one in frames if one["agent_name"] == agent]
        found += [f"{agent}: {kind} twice" for kind in ("agent_started", "agent_completed", "run_result") if kinds.count(kind) > 1]
        if "agent_completed" in kinds[:-1] or "run_result" in kinds[:-1]:
            found.append(f"{agent}: something after its end")
        steps = [one["payload"]["step_number"] for one in frames if (one["agent_name"], one["type"]) == (agent, "agent_thinking")]
        if steps != sorted(set(steps)):
            found.append(f"{agent}: steps {steps}")
    return found


@asynccontextmanager
async def failing_backend(home: Path, stage: str = "live", *, only: str | None = None) -> AsyncIterator[Backend]:
    """Run a backend whose tenants are at that stage and fail over; its candidate fails as `faults` says.

    Args:
        home: a folder.
        stage: of all tenants.
        only: the tenant whose runs fail over; None: all of them.
    """
    faults = Faults()
    named = [] if only is None else [{"contextKind": "tenant", "variation": 1, "values": [only]}]
    failover = switch("candidate-failover", [False, True], int(only is None), contextTargets=named)
    (home / "flags.json").write_bytes(flag_file(*(stage_flag(stage, surface) for surface in SURFACES), sampling(0), failover))
    settings = Settings(
        home=home, jwt_secret="a-secret-of-the-tests-0123456789ab", rate_limit_per_minute=1_000_000, rate_limit_burst=1_000_000
    )
    database = open_engine(settings.database_url)
    await create_schema(database)
    await seed(database, ["acme", "globex", "initech"], until=date(2025, 3, 14))
    await database.dispose()

    class CountedOutside(Outside):
        def __init__(self, given: Settings) -> None:
            super().__init__(given)
            self.world = faults.counted(self.world)

    registry = CollectorRegistry()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "Outside", CountedOutside)
        made = {surface: (lambda candidate, make=make: faults.around(make(candidate))) for surface, make in backend.SURFACES.items()}
        patch.setattr(backend, "SURFACES", made)
        execution = BackendExecution(settings, MigrationSettings(home=home, surfaces=SURFACES), registry)
    async with serving(create_app(settings, execution, runs=execution.threads), settings) as server:
        yield Backend(server.address, settings, faults, registry)


@dataclass
class Tried:
    """A candidate that failed at every event of one request, in one way."""

    frames: list[str]  #: kinds of the candidate's frames, when it does not fail
    results: list[str]  #: of the failovers, by the event before which it failed; "": it did not fail
    heard: list[Heard]


async def tried(running: Backend, surface: str, request: Mapping[str, Any], way: str) -> Tried:
    """Fail at every event, and check that each client sees one clean stream or a typed error, and that nothing is done twice."""
    faults = running.faults
    faults.at, faults.way = None, way
    whole = await running.ask(surface, request)
    assert whole.completed
    usual, plans = _alike(faults.done), faults.plans
    assert plans == (1 if "save_action_plan" in str(usual) else 0)
    done = Tried([frame["type"] for frame in whole.frames], [], [])
    # A batch shows a run's result as the end of its item, and a tool's call shows that alone.
    frames = {"batch": len(whole.frames) + 1, "tools": 3}.get(surface, len(whole.frames))
    for at in range(frames + 1):
        faults.at = at
        before = running.share()
        heard = await running.ask(surface, request)
        (result,) = [*(running.share() - before), ""][:1]
        done.results.append(result)
        done.heard.append(heard)
        where = (surface, request, way, at, result)
        assert heard.completed == (result in ("saved", "ended", "")), where
        assert heard.completed or heard.error is not None, where
        assert faults.plans <= plans, where
        assert all(times <= usual.get(what, 1) for what, times in _alike(faults.done).items()), where
    return done


def _alike(done: Mapping[tuple[str, ...], int]) -> Counter[tuple[str, ...]]:
    """Return the counts without what is another one in each run: the number in the question, and ids."""
    return Counter(
        {tuple(re.sub(r"\(\d+\)|[0-9a-f]{32}", "", part) for part in what): times for what, times in done.items()},
    )
