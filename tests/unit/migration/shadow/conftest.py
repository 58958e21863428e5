import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry

from migration.effects import perform
from migration.model import Comparison, Effect, Event, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.shadow.job import ShadowJob
from migration.shadow.parts import Parts
from migration.telemetry.metrics import Metrics

Body = Callable[[], Awaitable[object]]


class ScriptedEngine:
    """Starts, does what the script says, completes."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        yield Event(kind="agent_started", lane="data", payload=b"{}", at_s=0.0)
        await self._body()
        yield Event(kind="agent_completed", lane="data", payload=b"{}", at_s=0.0)


@pytest.fixture
def look() -> Body:
    """One effect that must not be performed."""

    async def call() -> bytes:
        raise AssertionError("a shadow performs no effect")

    return lambda: perform("tool", "look", lane="data", request=b"{}", call=call)


@pytest.fixture
def builder() -> Callable[[Body], Callable[[str, Origin], ScriptedEngine]]:
    return lambda body: lambda _surface, _origin: ScriptedEngine(body)


@pytest.fixture
def job() -> Callable[..., ShadowJob]:
    def made(*, run_id: str = "r-1", deadline_s: float = 5.0, duration_s: float = 0.0) -> ShadowJob:
        looked = Effect(
            kind="tool", name="look", lane="data", key="", request=b"{}", reply=b"1", error=None, started_s=0.0, duration_s=duration_s
        )
        request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t", run_id=run_id, payload=b"{}", received_at=0.0)
        record = RunRecord(
            request=request, origin=Origin.CONTROL, events=(), journal=(looked,), outcome="completed", duration_s=0.1, trace_id="a" * 32
        )
        return ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=deadline_s, span_id="b" * 16)

    return made


def compare(job: ShadowJob, shadow: RunRecord) -> Comparison:
    request, timing = job.record.request, Timing(duration_s=0.2, effect_s=0.1, first_event_s=0.05)
    return Comparison(
        surface=request.surface,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        thread_id=request.thread_id,
        run_id=request.run_id,
        stage=job.stage,
        serving=job.record.origin,
        verdict=Verdict.MATCH if shadow.outcome == "completed" else Verdict.DIVERGENT,
        divergences=(),
        control=timing,
        candidate=timing,
    )


@pytest.fixture
def parts(builder: Callable[[Body], Callable[[str, Origin], ScriptedEngine]], look: Body) -> Parts:
    return Parts(build=builder(look), compare=compare, sink=None)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(registry=CollectorRegistry())


@pytest.fixture
def value(metrics: Metrics) -> Callable[..., float]:
    """One sample's value; 0 when nothing was counted."""
    return lambda name, **labels: metrics.registry.get_sample_value(f"migration_{name}", labels) or 0.0


@pytest.fixture
def never() -> Body:
    return lambda: asyncio.Event().wait()
