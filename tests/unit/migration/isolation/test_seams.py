"""Where the search for other people's data meets the rest: the facade, the journal, the shadow."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from migration.comparison.compare import compare
from migration.effects import canary, perform
from migration.facade import ExecutionFacade
from migration.flags.decision import Decision
from migration.isolation import Inspector, Neighbourhood
from migration.model import Event, Origin, RunRequest, Stage, Verdict
from migration.shadow import InlineShadow
from migration.shadow.job import ShadowJob
from migration.shadow.parts import Parts
from migration.stages import PLANS
from migration.telemetry.metrics import Metrics

ANSWER = msgspec.json.encode({"message": {"role": "assistant", "content": "3 EUR"}})


class CarryingEngine:
    """Says which canary its context carries, logs that it runs, and answers with what the model says."""

    def __init__(self, reply: bytes = ANSWER) -> None:
        self._reply = reply

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        async def call() -> bytes:
            return self._reply

        logging.getLogger("engine").warning("run of %s", request.user_id)
        answer = await perform("model", "m", lane="data", request=b"{}", call=call)
        yield Event(kind="agent_completed", lane="data", payload=answer, at_s=0.0)
        yield Event(kind="carried", lane="data", payload=msgspec.json.encode({"canary": canary()}), at_s=0.0)


class Flags:
    def __init__(self, *, sampled: bool = True) -> None:
        self._sampled = sampled

    def decide(self, _request: RunRequest, /) -> Decision:
        return Decision(plan=PLANS[Stage.SHADOW], reason="flag", flag_key="f", sampled=self._sampled)

    def finished(self, *_: Any) -> None: ...

    def compared(self, *_: Any) -> None: ...


class KeepingShadow:
    def __init__(self) -> None:
        self.jobs: list[ShadowJob] = []

    def offer(self, job: ShadowJob, /, *, shed: Any = None) -> None:
        self.jobs.append(job)


class BrokenInspector(Inspector):
    def scan(self, *_: Any, **__: Any) -> Any:
        raise KeyError("secret")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(registry=CollectorRegistry())


@pytest.fixture
def serve(metrics, request_of) -> Callable[..., Any]:
    """Serve one run and return its events and the job that was offered."""

    async def run(owner, *, reply: bytes = ANSWER, sampled: bool = True, neighbourhood: Neighbourhood | None = None):
        shadow = KeepingShadow()
        facade = ExecutionFacade(
            surface="chat",
            engines=dict.fromkeys(Origin, CarryingEngine(reply)),
            flags=Flags(sampled=sampled),
            shadow=shadow,
            metrics=metrics,
            neighbourhood=neighbourhood,
        )
        async with aclosing(facade.run(request_of(owner))) as events:
            return [event.payload async for event in events], shadow.jobs[0] if sampled else None

    return run


@pytest.fixture
def compared(metrics, pair) -> Callable[..., Any]:
    """Shadow a job and return the result and what its engine said."""

    async def run(job: ShadowJob, inspector: Inspector | None):
        shadows, results = [], []

        def compare(_job, shadow):
            shadows.append(shadow)
            return pair.inspected()

        parts = Parts(build=lambda _surface, _origin: CarryingEngine(), compare=compare, sink=None, inspector=inspector)
        inline = InlineShadow(parts, metrics, results.append)
        inline.offer(job)
        assert await inline.drain(10.0)
        return results[0], [event.payload for event in shadows[0].events]

    return run


async def test_an_answer_to_a_synthetic_tenant_carries_its_canary_for_the_user_as_on_record(serve, canaries, ann):
    said, job = await serve(ann, neighbourhood=Neighbourhood(canaries, [ann.tenant_id]))
    token = canaries.token(ann)
    assert msgspec.json.decode(said[0])["message"]["content"] == f"3 EUR {token}"
    assert job.record.journal[0].reply == said[0]
    assert said[1] == msgspec.json.encode({"canary": token})


async def test_an_answer_to_anybody_else_is_not_touched(serve, canaries, ann):
    said, _ = await serve(ann, neighbourhood=Neighbourhood(canaries, ["somebody"]))
    assert said == [ANSWER, b'{"canary":null}']


async def test_an_answer_that_cannot_carry_the_canary_is_passed_on_and_counted(serve, metrics, canaries, ann):
    said, job = await serve(ann, reply=b"no JSON", neighbourhood=Neighbourhood(canaries, [ann.tenant_id]))
    assert said[0] == job.record.journal[0].reply == b"no JSON"
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "effects.record"}) == 1


async def test_a_neighbourhood_that_fails_does_not_fail_the_run(serve, metrics, ann):
    class Closed(Neighbourhood):
        def enter(self, _request):
            raise RuntimeError("secret")

    said, _ = await serve(ann, neighbourhood=Closed())
    assert said[0] == ANSWER
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "effects.record"}) == 1


async def test_a_job_tells_who_was_served_before_it_even_those_that_are_never_shadowed(serve, ann, bob):
    neighbourhood = Neighbourhood()
    await serve(bob, sampled=False, neighbourhood=neighbourhood)
    _, job = await serve(ann, neighbourhood=neighbourhood)
    assert job.neighbours == (bob, ann)


async def test_the_context_of_a_shadow_carries_the_runs_canary(serve, compared, inspector, canaries, ann):
    _, job = await serve(ann)
    _, said = await compared(job, inspector)
    assert said == [ANSWER, msgspec.json.encode({"canary": canaries.token(ann)})]


async def test_a_shadow_that_nobody_inspects_carries_none(serve, compared, ann):
    _, job = await serve(ann)
    _, said = await compared(job, None)
    assert said[1] == b'{"canary":null}'


async def test_what_a_shadow_logs_is_inspected(serve, compared, inspector, bob, ann):
    _, job = await serve(ann)
    job = msgspec.structs.replace(job, neighbours=(bob,))
    logged_for_bob = msgspec.structs.replace(job.record.request, user_id=bob.user_id)

    class MixedUp(CarryingEngine):
        async def run(self, _request: RunRequest, /) -> AsyncGenerator[Event, None]:
            async with aclosing(super().run(logged_for_bob)) as events:
                async for event in events:
                    yield event

    results = []
    parts = Parts(build=lambda _surface, _origin: MixedUp(), compare=lambda *_: _clean(job), sink=None, inspector=inspector)
    inline = InlineShadow(parts, Metrics(registry=CollectorRegistry()), results.append)
    inline.offer(job)
    assert await inline.drain(10.0)
    assert [(one.kind, one.path) for one in results[0].comparison.divergences] == [("isolation_breach", "log")]


def _clean(job: ShadowJob) -> Any:
    return compare(job.record, job.record, stage=job.stage, serving=job.record.origin)


async def test_identifiers_that_became_known_are_counted_by_where_they_are_sought(serve, compared, metrics, canaries, bob):
    _, job = await serve(bob)
    colleague = msgspec.structs.replace(bob, user_id="admin", run_id="run-2")
    await compared(msgspec.structs.replace(job, neighbours=(bob, colleague)), Inspector(canaries))
    counted = {
        sought: metrics.registry.get_sample_value("migration_isolation_identifiers_total", {"sought": sought})
        for sought in ("text", "fields")
    }
    assert counted == {"text": 4, "fields": 2}


async def test_a_scan_that_fails_leaves_the_comparison_inconclusive_and_is_counted(serve, compared, metrics, canaries, ann):
    _, job = await serve(ann)
    result, _ = await compared(job, BrokenInspector(canaries))
    assert result.comparison.verdict is Verdict.INCONCLUSIVE
    assert tuple(map(str, result.comparison.reasons)) == ("the scan for other tenants' data failed",)
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "comparison.compare"}) == 1
