"""The legacy engine mixes up its users. The way from there to a counted breach, with real engines, a real comparison and a real ledger."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from migration.comparison import Comparer
from migration.effects.journals.logs import tape_served_logs
from migration.effects.journals.recording import Recording
from migration.effects.ports import activate, deactivate
from migration.evidence import EvidenceReader
from migration.facade import ExecutionFacade
from migration.flags.decision import Decision
from migration.isolation import Canaries, Inspector, Neighbourhood
from migration.model import Comparison, Origin, RunLog, RunRequest, Stage, Verdict, encode
from migration.settings import MigrationSettings
from migration.shadow import InlineShadow
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.job import ShadowJob
from migration.shadow.parts import Parts
from migration.shadow.wiring import default_parts
from migration.shadow.worker import Worker
from migration.stages import PLANS
from migration.telemetry.metrics import Metrics
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.execution import BackendEngine, BackendExecution, fresh_engine, recorded
from netra_backend.app.services.llm.chat_model import FunctionCall, Message, ModelReply, ModelRequest, ToolCall
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import World

LEDGERS = Path(__file__).parents[2] / "ledger"
PATIENCE_S = 10.0
KEY = b"a key of the tests, 32 bytes long"
ANN = {"tenant_id": "acme", "user_id": "ann.lee@acme.example", "thread_id": "thread-5b1e77aa90c3", "run_id": "9d3f1c44e0b84f6f8f3c2a7d"}
BOB = {
    "tenant_id": "initech",
    "user_id": "bob.ray@initech.example",
    "thread_id": "thread-c0ffee1151a2",
    "run_id": "5e884898da28047151d0e56f",
}
Reply = Callable[[ModelRequest], Awaitable[Message]]


class Fakes:
    """All ports in one."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        return ModelReply(await self._reply(request))

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
        return 3

    def now(self, *, lane: str) -> datetime:
        return datetime(2025, 3, 14, tzinfo=UTC)

    def new(self, purpose: str, /, *, lane: str) -> str:
        return "0123456789abcdef" * 2


class Flags:
    """One stage for everybody."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def decide(self, _request: RunRequest, /) -> Decision:
        return Decision(plan=PLANS[self._stage], reason="flag", flag_key="execution-engine-chat", sampled=True)

    def finished(self, *_: Any) -> None: ...

    def compared(self, *_: Any) -> None: ...


class KeepingShadow:
    """Keeps the jobs that it is offered."""

    def __init__(self) -> None:
        self.jobs: list[ShadowJob] = []

    def offer(self, job: ShadowJob, /, *, shed: Any = None) -> None:
        self.jobs.append(job)


class Served:
    """Chats of two tenants on one process."""

    def __init__(self, reply: Reply, stage: Stage, *, canary_tenants: tuple[str, ...] = (), shadow: Any = None) -> None:
        fakes, tools = Fakes(reply), default_registry().specs()
        world = recorded(World(model=fakes, tools=fakes, clock=fakes, ids=fakes))
        self.metrics, self.results = Metrics(registry=CollectorRegistry()), []
        comparer = Comparer(LEDGERS, today=lambda: date(2026, 12, 1))
        parts = Parts(
            build=fresh_engine,
            compare=lambda job, run: comparer.compare(job.record, run, stage=job.stage, cross_talk=job.cross_talk),
            sink=None,
            inspector=Inspector(Canaries(KEY)),
        )
        self.inline = InlineShadow(parts, self.metrics, self.results.append)
        self.control, self.candidate = ControlChat(world, tools), Candidate(world, tools)
        self.facade = ExecutionFacade(
            surface="chat",
            engines={Origin.CONTROL: BackendEngine(self.control.stream), Origin.CANDIDATE: BackendEngine(self.candidate.stream)},
            flags=Flags(stage),
            shadow=shadow or self.inline,
            metrics=self.metrics,
            neighbourhood=Neighbourhood(Canaries(KEY), canary_tenants),
        )

    async def chat(self, owner: dict[str, str], message: str) -> list[dict[str, Any]]:
        payload = msgspec.json.encode({"message": message, "agent": "data", "history": []})
        request = RunRequest(surface="chat", payload=payload, received_at=0.0, **owner)
        async with aclosing(self.facade.run(request)) as events:
            return [json.loads(event.payload) async for event in events]

    async def comparisons(self) -> dict[str, Comparison]:
        """By tenant, once every shadow is done."""
        assert await self.inline.drain(PATIENCE_S)
        await self.candidate.aclose()
        await self.control.aclose()
        return {result.comparison.tenant_id: result.comparison for result in self.results}

    def counted(self, kind: str = "control_cross_talk", verdict: str = "noise") -> float:
        labels = {"surface": "chat", "kind": kind, "severity": "security", "verdict": verdict}
        return self.metrics.registry.get_sample_value("migration_divergences_total", labels) or 0.0


def breaches(comparison: Comparison) -> list[tuple[str, bool, bool]]:
    """Where, and whether in control and in candidate."""
    return [
        (one.path, one.control is not None, one.candidate is not None)
        for one in comparison.divergences
        if one.kind in {"isolation_breach", "control_cross_talk"}
    ]


def meeting() -> Reply:
    """Both users are inside the model call before either goes on; then each calls a tool with what the user said."""
    both_asked = asyncio.Barrier(2)

    async def reply(request: ModelRequest) -> Message:
        if request.messages[-1].role == "tool":
            return Message("assistant", "done")
        await both_asked.wait()
        arguments = json.dumps({"note": request.messages[-1].content})
        return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", arguments)),))

    return reply


async def both(served: Served) -> None:
    await asyncio.gather(served.chat(ANN, f"secret plan of {ANN['user_id']}"), served.chat(BOB, "what did we spend?"))


async def test_another_tenants_event_that_the_legacy_engine_delivered_is_counted_as_controls_and_no_divergence_of_the_candidate() -> None:
    served = Served(meeting(), Stage.SHADOW)
    await both(served)
    found = await served.comparisons()
    assert breaches(found["initech"]) == [("tool_executing.payload.parameters.note", True, False)]
    assert [one.kind for one in found["initech"].divergences if one.accepted_by is None] == ["control_cross_talk"]
    assert found["initech"].verdict is Verdict.ACCEPTED
    assert (served.counted(), served.counted("isolation_breach", "divergent")) == (1, 0)


async def test_the_target_delivers_nothing_of_anybody_else() -> None:
    served = Served(meeting(), Stage.LIVE)
    await both(served)
    assert [breaches(one) for one in (await served.comparisons()).values()] == [[], []]
    assert served.counted() == 0


async def spent(_request: ModelRequest) -> Message:
    return Message("assistant", "You spent 3 EUR.")


async def test_another_tenants_answer_from_the_legacy_cache_is_found_by_its_canary() -> None:
    served = Served(spent, Stage.SHADOW, canary_tenants=("acme",))
    told = await served.chat(ANN, "what did we spend?")
    leaked = await served.chat(BOB, "what did we spend?")
    assert leaked[-1]["payload"]["final_answer"] == told[-1]["payload"]["final_answer"]
    found = await served.comparisons()
    assert ("agent_completed.payload.final_answer", True, False) in breaches(found["initech"])
    assert breaches(found["acme"]) == []
    assert served.counted() > 0


async def test_a_canary_changes_nothing_in_the_comparison_of_its_own_run() -> None:
    with_canary, without = Served(spent, Stage.SHADOW, canary_tenants=("acme",)), Served(spent, Stage.SHADOW)
    for served in (with_canary, without):
        await served.chat(ANN, "what did we spend?")
    ones = [(await served.comparisons())["acme"] for served in (with_canary, without)]
    first, second = ([(one.kind, one.path, one.verdict) for one in comparison.divergences] for comparison in ones)
    assert first == second
    assert [comparison.effects_missing for comparison in ones] == [0, 0]


@pytest.fixture
def worker(tmp_path: Path) -> Any:
    settings = MigrationSettings(home=tmp_path, surfaces=("chat",), ledger_dir=LEDGERS, hash_key=KEY.decode(), noise_sampling=100.0)
    # Without a bound: that of a real worker would have the kernel end this process.
    parts = default_parts(settings)
    runner = EngineRunner(Engines(build=parts.build), seal=_open)
    yield Worker(parts, runner, bound=lambda _seconds: None)
    runner.close()


def _open() -> AbstractContextManager[list[str]]:
    return nullcontext([])


def _stored(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.iterdir())


async def mixed_up() -> ShadowJob:
    """Return the job of the run into which the legacy engine mixed another tenant's event."""
    kept = KeepingShadow()
    served = Served(meeting(), Stage.SHADOW, shadow=kept)
    await both(served)
    await served.comparisons()
    (job,) = [job for job in kept.jobs if job.record.request.tenant_id == "initech"]
    return job


async def test_a_worker_that_knows_the_others_from_the_jobs_alone_keeps_the_breach_and_not_what_leaked(worker: Any, tmp_path: Path) -> None:
    result = await asyncio.to_thread(worker.handle, encode(await mixed_up()))
    assert breaches(result.comparison) == [("tool_executing.payload.parameters.note", True, False)]
    assert (result.sought_in_text, result.sought_in_fields) == (6, 2)
    stored = _stored(tmp_path)
    assert b"control_cross_talk" in stored
    assert ANN["user_id"].encode() not in stored


def test_what_the_legacy_engine_mixed_up_is_no_part_of_the_noise_floor(worker: Any, tmp_path: Path) -> None:
    result = worker.handle(encode(asyncio.run(mixed_up())))
    evidence = EvidenceReader.of_settings(MigrationSettings(home=tmp_path, surfaces=("chat",), hash_key=KEY.decode()))
    assert (result.noise, result.comparison.verdict) == ("cross_talk", Verdict.ACCEPTED)
    assert (evidence.noise("chat").rounds, evidence.noise("chat").hits) == (0, [])


@pytest.fixture
def taped_serving() -> Iterator[None]:
    """What served runs log is taped, until the end of the test."""
    root = logging.getLogger()
    before = list(root.handlers)
    tape_served_logs()
    yield
    root.handlers[:] = before


async def telling(request: ModelRequest) -> Message:
    """A model whose cache logs whose answer it gives away."""
    if "Bob" in (request.messages[-1].content or ""):
        logging.getLogger("cache").warning("an answer was at hand", extra={"made_for": ANN["user_id"]})
    return Message("assistant", "You spent 3 EUR.")


# goes with: chat
async def test_a_backend_that_starts_tapes_what_its_runs_log(tmp_path: Path) -> None:
    root = logging.getLogger()
    before, root.handlers[:] = list(root.handlers), []
    settings = Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab")
    execution = BackendExecution(settings, MigrationSettings(home=tmp_path, surfaces=("chat",)), CollectorRegistry())
    try:
        await execution.start()
        request = RunRequest(surface="chat", payload=b"{}", received_at=0.0, **ANN)
        token = activate(tape := Recording(request))
        logging.getLogger("engine").warning("a line")
        deactivate(token)
    finally:
        await execution.aclose()
        root.handlers[:] = before
    assert tape.log == RunLog(lines=("a line",))


# stays


@pytest.mark.usefixtures("taped_serving")
@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.LIVE])
async def test_a_line_about_another_tenant_that_a_served_run_logged_is_a_counted_breach(stage: Stage) -> None:
    served = Served(telling, stage)
    await served.chat(ANN, "What did we spend?")
    await served.chat(BOB, "I am Bob: what did we spend?")
    found = await served.comparisons()
    served_by_control = stage is Stage.SHADOW
    assert breaches(found["initech"]) == [("log", served_by_control, not served_by_control)]
    assert breaches(found["acme"]) == []
    assert served.counted(*(() if served_by_control else ("isolation_breach", "divergent"))) == 1


@pytest.mark.usefixtures("taped_serving")
async def test_a_served_runs_log_goes_to_the_worker_and_no_further(worker: Any, tmp_path: Path) -> None:
    kept = KeepingShadow()
    served = Served(telling, Stage.SHADOW, shadow=kept)
    await served.chat(ANN, "What did we spend?")
    await served.chat(BOB, "I am Bob: what did we spend?")
    await served.comparisons()
    results = [await asyncio.to_thread(worker.handle, encode(job)) for job in kept.jobs]
    assert [job.log is None for job in kept.jobs] == [True, False]
    assert breaches(results[1].comparison) == [("log", True, False)]
    stored = _stored(tmp_path)
    assert b"control_cross_talk" in stored
    assert ANN["user_id"].encode() not in stored
    assert b"an answer was at hand" not in stored
