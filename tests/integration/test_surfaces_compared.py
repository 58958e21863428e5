"""Each surface without a chat, served by either engine on real tools and shadowed by the other: what the comparison says of it."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from migration.comparison import Comparer
from migration.facade import ExecutionFacade
from migration.flags.decision import Decision
from migration.model import Comparison, Origin, RunRequest, Stage
from migration.shadow import InlineShadow
from migration.shadow.parts import Parts
from migration.stages import PLANS
from migration.telemetry.metrics import Metrics
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings
from netra_backend.app.errors import ModelUnavailableError
from netra_backend.app.execution import CONTROLS, BackendEngine, fresh_engine, recorded
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.llm.chat_model import Message, ModelReply, ModelRequest
from netra_backend.app.services.outside import Outside
from netra_backend.app.services.sample_data import seed
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.serving import SURFACES
from netra_backend.app.world import World

LEDGERS = Path(__file__).parents[2] / "ledger"
PATIENCE_S = 10.0
PLAN = {"plan_id": "0123456789abcdef" * 2, "title": "Save", "items": [{"action": "Move to a smaller model"}]}
Compare = Callable[..., Any]

ANSWERED = [
    ("oneshot", {"agent": "data", "message": "What did we spend on gpt-4o?"}),
    ("oneshot", {"agent": "actions", "message": "Save a plan to lower our cost."}),
    ("oneshot", {"agent": "triage", "message": "Hello"}),
    ("batch", {"agent": "optimization", "message": "How can we lower the cost of gpt-4o?"}),
    ("batch", {"agent": "assistant", "message": "What did we use?"}),
    ("tools", {"tool": "usage_summary", "arguments": {}}),
    ("tools", {"tool": "save_action_plan", "arguments": PLAN}),
    ("tools", {"tool": "price_lookup", "arguments": {"model": "no-such-model"}}),
]


class Flags:
    """One plan for everybody."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def decide(self, _request: RunRequest, /) -> Decision:
        return Decision(plan=PLANS[self._stage], reason="flag", flag_key="execution-engine", sampled=True)

    def finished(self, *_: Any) -> None: ...

    def compared(self, *_: Any) -> None: ...


class NoModel:
    async def complete(self, _request: ModelRequest, /, *, lane: str) -> ModelReply:
        raise ModelUnavailableError("the model refused the request")


class EmptyModel:
    async def complete(self, _request: ModelRequest, /, *, lane: str) -> ModelReply:
        return ModelReply(Message("assistant", ""))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab")
    database = open_engine(settings.database_url)
    await create_schema(database)
    await seed(database, ["acme"], until=date(2025, 3, 14))
    await database.dispose()
    outside = Outside(settings)
    yield outside.world
    await outside.aclose()


@pytest.fixture
def compared(world: World) -> Compare:
    """Serve one run at that stage and return the comparison with its shadow, and the world's other ports."""

    async def compare(surface: str, payload: Mapping[str, Any], stage: Stage, **ports: Any) -> Comparison:
        changed = recorded(World(**{"model": world.model, "tools": world.tools, "clock": world.clock, "ids": world.ids, **ports}))
        tools = default_registry().specs()
        metrics, results = Metrics(registry=CollectorRegistry()), []
        shadow = InlineShadow(Parts(build=fresh_engine, compare=_comparer(), sink=None), metrics, results.append)
        candidate, control = Candidate(changed, tools), CONTROLS[surface](changed, tools)
        engines = {Origin.CONTROL: BackendEngine(control.stream), Origin.CANDIDATE: BackendEngine(SURFACES[surface](candidate))}
        facade = ExecutionFacade(surface=surface, engines=engines, flags=Flags(stage), shadow=shadow, metrics=metrics)
        ids = {"tenant_id": "acme", "user_id": "ann", "thread_id": "thread-7", "run_id": "run-7"}
        request = RunRequest(surface=surface, payload=msgspec.json.encode(payload), received_at=0.0, **ids)
        async with aclosing(facade.run(request)) as events:
            async for _ in events:
                pass
        await candidate.aclose()
        await control.aclose()
        assert await shadow.drain(PATIENCE_S)
        [result] = results
        assert result.comparison is not None, result
        return result.comparison

    return compare


def _comparer() -> Callable[..., Comparison]:
    comparer = Comparer(LEDGERS, today=lambda: date(2026, 12, 1))
    return lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage)


def accepted(comparison: Comparison) -> Counter[str | None]:
    return Counter(divergence.accepted_by for divergence in comparison.divergences)


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.LIVE])
@pytest.mark.parametrize(("surface", "payload"), [row for row in ANSWERED if row[0] in CONTROLS])
async def test_an_answered_run_differs_only_in_what_the_ledger_accepts(
    surface: str, payload: dict[str, Any], stage: Stage, compared: Compare
) -> None:
    comparison = await compared(surface, payload, stage)
    assert (comparison.verdict, comparison.reasons) == ("accepted", ()), comparison.divergences
    assert comparison.effects_performed_by_shadow == comparison.effects_missing == 0
    assert comparison.effects_recorded > 0


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.LIVE])
@pytest.mark.parametrize("surface", sorted(CONTROLS.keys() & {"oneshot", "batch"}))
async def test_a_failed_run_differs_only_in_what_the_ledger_accepts(surface: str, stage: Stage, compared: Compare) -> None:
    comparison = await compared(surface, {"agent": "data", "message": "Hello"}, stage, model=NoModel())
    assert comparison.verdict == "accepted", comparison.divergences
    assert "failures-without-agent-error" in accepted(comparison)


# goes with: batch
async def test_an_empty_answer_that_control_takes_for_success_is_a_divergence(compared: Compare) -> None:
    comparison = await compared("batch", {"agent": "data", "message": "Hello"}, Stage.SHADOW, model=EmptyModel())
    assert comparison.verdict == "divergent"
    assert "terminal_state" in {divergence.kind for divergence in comparison.divergences if divergence.accepted_by is None}


# stays
async def test_another_answer_of_a_tool_is_seen_in_the_result_alone(compared: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    from netra_backend.app.controls import tools

    def forged(outcome: Any) -> dict[str, Any]:
        payload = original(outcome)
        payload["result"]["value"]["requests"] = -1
        return payload

    original = tools.of_tool
    monkeypatch.setattr(tools, "of_tool", forged)
    comparison = await compared("tools", {"tool": "usage_summary", "arguments": {}}, Stage.SHADOW)
    [unexplained] = [divergence for divergence in comparison.divergences if divergence.accepted_by is None]
    assert (comparison.verdict, unexplained.path) == ("divergent", "run_result.payload.result.value.requests")
