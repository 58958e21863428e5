"""Traces of served runs: what they show, whose are kept, and what they never contain."""

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from migration.model import Comparison, Effect, EffectError, Event, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.names import KnownNames
from migration.telemetry.run_trace import RootSpan, Shared, number_of_spans, run_spans
from migration.telemetry.traced import Ids, TracedSpan, derived
from migration.telemetry.tracing import MOST_UNDECIDED, Tracing

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ada", thread_id="t", run_id="r-1", payload=b"{}", received_at=0.0)
ABOUT = {spans.SURFACE: "chat", spans.RUN_ID: "r-1", spans.FLAG_KEY: "execution-engine-chat", spans.FLAG_REASON: "split"}
FAILED = EffectError(type="ModelTimeoutError", message="my account is 4711")


def model(started_s: float, *, error: EffectError | None = None, **told: object) -> Effect:
    usage = {"prompt_tokens": 30, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 20}}
    reply = msgspec.json.encode({"message": {"role": "assistant", "content": "4711"}, "usage": usage, **told})
    common = {"kind": "model", "name": "small", "lane": "data", "key": "", "request": b'{"messages":["4711"]}'}
    return Effect(**common, reply=None if error else reply, error=error, started_s=started_s, duration_s=0.1)


def tool(name: str, error: EffectError | None = None) -> Effect:
    common = {"kind": "tool", "name": name, "lane": "data", "key": "", "request": b"{}"}
    return Effect(**common, reply=None if error else b"{}", error=error, started_s=0.5, duration_s=0.1)


def record(*journal: Effect, run_id: str = "r-1", origin: Origin = Origin.CONTROL) -> RunRecord:
    events = (Event(kind="agent_started", lane="data", payload=b"{}", at_s=0.0), Event(kind="end", lane="", payload=b"{}", at_s=1.0))
    request = msgspec.structs.replace(REQUEST, run_id=run_id)
    return RunRecord(request=request, origin=origin, events=events, journal=journal, outcome="completed", duration_s=1.0, trace_id=None)


def built(run: RunRecord, role: str = "serving") -> dict[str, TracedSpan]:
    root = RootSpan(spans.RUN, Ids(1, 2), 0, 0, 2_000_000_000, role)
    return {span.name: span for span in run_spans(root, run, ABOUT, KnownNames(), Shared())}


def comparison(verdict: Verdict) -> Comparison:
    timing = Timing(duration_s=1.0, effect_s=0.0, first_event_s=None)
    ids = {"surface": "chat", "tenant_id": "acme", "user_id": "ada", "thread_id": "t", "run_id": "r-1"}
    return Comparison(**ids, stage=Stage.SHADOW, serving=Origin.CONTROL, verdict=verdict, divergences=(), control=timing, candidate=timing)


def tracing(percent: float = 100.0, **settings: object) -> Tracing:
    return Tracing(MigrationSettings(trace_percent=percent, **settings), "backend", LOST.append2)


class Lost(list):
    def append2(self, reason: str, number: int) -> None:
        self.append((reason, number))


LOST = Lost()


@pytest.fixture(autouse=True)
def nothing_lost() -> None:
    LOST.clear()


def test_a_trace_is_a_tree_of_run_agent_and_calls():
    found = built(record(model(0.1), tool("price_lookup")))
    agent = found["invoke_agent data"]
    assert set(found) == {"migration.run", "invoke_agent data", "chat small", "execute_tool price_lookup"}
    assert (found["chat small"].parent_id, agent.parent_id, found["migration.run"].parent_id) == (agent.ids.span_id, 2, 0)


def test_a_call_of_a_model_has_its_tokens_its_reasons_and_its_provider():
    rest = {"choices": [{"finish_reason": "length"}]}
    told = built(record(model(0.1, rest=rest)))["chat small"].attributes
    assert (told[spans.INPUT_TOKENS], told[spans.OUTPUT_TOKENS], told[spans.CACHE_READ_TOKENS]) == (30, 12, 20)
    assert (told[spans.FINISH_REASONS], told[spans.PROVIDER], told[spans.OPERATION]) == (("length",), "openai", "chat")


def test_a_repeated_call_is_counted_as_a_retry_and_a_refusal_as_a_refusal():
    found = list(
        run_spans(
            RootSpan(spans.RUN, Ids(1, 2), 0, 0, 9, "serving"),
            record(model(0.1, error=FAILED), model(0.2, finish_reason="content_filter")),
            {},
            KnownNames(),
            Shared(),
        )
    )
    assert [one.attributes.get(spans.ATTEMPT) for one in found[:2]] == [None, 2]
    assert (found[-1].attributes[spans.RETRIES], found[-1].attributes[spans.REFUSALS]) == (1, 1)
    assert found[0].attributes[spans.ERROR] == "ModelTimeoutError"


def test_the_tokens_of_shadows_sum_to_0_and_each_span_is_marked():
    found = built(record(model(0.1), tool("price_lookup"), origin=Origin.CANDIDATE), "shadowing").values()
    used = [one.attributes.get(name, 0) for one in found for name in (spans.INPUT_TOKENS, spans.OUTPUT_TOKENS, spans.CACHE_READ_TOKENS)]
    assert sum(used) == 0
    assert {one.attributes[spans.ROLE] for one in found} == {"shadowing"}


def test_the_flag_is_an_event_with_the_conventions_name():
    (event,) = built(record())["migration.run"].events
    assert (event.name, event.attributes) == (
        "feature_flag.evaluation",
        {spans.FLAG_KEY: "execution-engine-chat", spans.FLAG_REASON: "split"},
    )


def test_a_trace_contains_no_text_of_a_run_and_no_name_that_nothing_answered():
    unknown = EffectError(type="UnknownToolError", message="4711")
    found = built(record(model(0.1), model(0.2, error=FAILED), tool("4711", unknown)))
    assert "4711" not in repr(found)
    assert "execute_tool _OTHER" in found


def test_every_attribute_is_on_the_list():
    found = built(record(model(0.1, finish_reason="refusal"), tool("x"), tool("y", FAILED)))
    assert {name for span in found.values() for name in span.attributes} <= spans.ATTRIBUTES


def test_the_number_of_spans_is_known_before_they_are_made():
    run = record(model(0.1), model(0.2), tool("price_lookup"))
    assert number_of_spans(run) == 5


@pytest.mark.parametrize(("setting", "shown"), [("none", False), ("watched", True), ("all", True)])
def test_a_tenant_is_named_as_the_setting_says(setting, shown):
    one = tracing(trace_tenants=setting, watch_tenants=("acme",))
    one.start_run(lambda: ABOUT).end(record(), "completed", waits=False)
    assert (spans.TENANT in one.ring.spans()[-1].attributes) is shown


@pytest.mark.parametrize(("verdict", "kept"), [(Verdict.MATCH, 0), (Verdict.DIVERGENT, 2), (Verdict.INCONCLUSIVE, 2)])
def test_of_runs_that_are_not_drawn_the_divergent_ones_are_kept(verdict, kept):
    one = tracing(percent=0.0)
    one.start_run(lambda: ABOUT).end(record(), "completed", waits=True)
    one.shadowed("r-1", "compared", comparison(verdict))
    assert len(one.ring.spans()) == kept


def test_a_run_links_to_its_shadow_and_to_the_comparison_when_they_are_there():
    one = tracing()
    span = one.start_run(lambda: ABOUT)
    span.end(record(), "completed", waits=True)
    one.shadowed("r-1", "compared", comparison(Verdict.MATCH))
    links = {derived(span.ids, "shadow"), derived(span.ids, "compare")}
    assert set(one.ring.spans()[-1].links) == {(f"{link.trace_id:032x}", f"{link.span_id:016x}") for link in links}


def test_a_run_whose_shadow_was_shed_links_to_nothing():
    one = tracing()
    one.start_run(lambda: ABOUT).end(record(), "completed", waits=True)
    one.shadowed("r-1", "shed", None)
    assert one.ring.spans()[-1].links == ()


def test_too_many_runs_that_wait_for_a_verdict_are_given_up_and_counted():
    one = tracing(percent=0.0)
    for number in range(MOST_UNDECIDED + 3):
        one.start_run(lambda: ABOUT).end(record(run_id=f"r-{number}"), "completed", waits=True)
    assert LOST == [("undecided", 2)] * 3


def test_nothing_is_asked_and_nothing_kept_of_a_run_that_is_not_drawn():
    one = tracing(percent=0.0)
    one.start_run(lambda: pytest.fail("attributes that nobody reads")).end(record(), "completed", waits=False)
    assert one.ring.spans() == []


def test_a_provider_of_the_application_gets_the_spans(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr("migration.telemetry.run_spans._tracer", provider.get_tracer("migration"))
    with provider.get_tracer("mine").start_as_current_span("request") as above:
        tracing().start_run(lambda: ABOUT).end(record(model(0.1)), "completed", waits=False)
    made = {one.name: one for one in exporter.get_finished_spans()}
    assert made["migration.run"].parent.span_id == above.get_span_context().span_id
    assert made["chat small"].parent.span_id == made["invoke_agent data"].context.span_id


def test_opentelemetry_that_is_switched_off_traces_nothing(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    span = tracing().start_run(lambda: ABOUT)
    span.end(record(), "completed", waits=False)
    assert span.ids is None
