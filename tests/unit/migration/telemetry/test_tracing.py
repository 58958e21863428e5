"""Delivery of traces to a collector: what arrives, and that a bad collector costs nothing and each loss is counted."""

import gzip
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from migration.errors import ConfigurationError
from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.collector import CollectorAnswer, open_transport
from migration.telemetry.delivery import SpanDelivery
from migration.telemetry.otlp import rejected
from migration.telemetry.tracing import Tracing
from tests.unit.migration.telemetry.test_run_spans import ABOUT, model, record

PATIENCE_S = 30.0


class Receiver(ThreadingHTTPServer):
    """An OTLP/HTTP collector that keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.status, self.answer = 200, b""
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.requests.append(ExportTraceServiceRequest.FromString(plain))
        self.server.headers.append(dict(self.headers))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def settings(port: int) -> MigrationSettings:
    return MigrationSettings(otlp_endpoint=f"http://127.0.0.1:{port}")


def sent(chosen: MigrationSettings, runs: int = 1) -> Counter[str]:
    """Trace runs, end the process, and return what was lost by reason."""
    lost: Counter[str] = Counter()
    one = Tracing(chosen, "netra-backend", lambda reason, number: lost.update({reason: number}))
    for number in range(runs):
        one.start_run(lambda: ABOUT).end(record(model(0.1), run_id=f"r-{number}"), "completed", waits=False)
    one.close(PATIENCE_S)
    return lost


def test_opentelemetrys_own_classes_read_what_is_sent(receiver):
    assert not sent(settings(receiver.server_port))
    (resources,) = receiver.requests[0].resource_spans
    assert {pair.key: pair.value.string_value for pair in resources.resource.attributes}["service.name"] == "netra-backend"
    assert resources.scope_spans[0].schema_url.endswith(spans.SEMCONV_VERSION)
    found = {span.name: span for span in resources.scope_spans[0].spans}
    chat, agent, run = found["chat small"], found["invoke_agent data"], found["migration.run"]
    told = {pair.key: pair.value for pair in chat.attributes}
    assert (chat.parent_span_id, agent.parent_span_id, run.parent_span_id) == (agent.span_id, run.span_id, b"")
    assert (told[spans.INPUT_TOKENS].int_value, told[spans.MODEL].string_value, chat.kind) == (30, "small", 3)
    assert run.start_time_unix_nano <= chat.start_time_unix_nano <= chat.end_time_unix_nano <= run.end_time_unix_nano
    assert [(event.name, len(event.attributes)) for event in run.events] == [("feature_flag.evaluation", 2)]


def test_headers_and_compression_are_taken_from_opentelemetrys_variables(receiver, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    sent(settings(receiver.server_port))
    (headers,) = receiver.headers
    assert (headers["x-key"], headers["content-encoding"]) == ("a b", "gzip")


@pytest.mark.parametrize(("variable", "value"), [("COMPRESSION", "zip"), ("CERTIFICATE", "/nowhere")])
def test_a_variable_that_cannot_be_used_is_an_error_at_the_start(monkeypatch, variable, value):
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{variable}", value)
    with pytest.raises(ConfigurationError, match=variable):
        open_transport(MigrationSettings(otlp_endpoint="https://collector.invalid"), "traces")


def test_a_collector_that_refuses_is_counted(receiver):
    receiver.status = 400
    assert sent(settings(receiver.server_port), 3) == {"refused": 9}


def test_spans_that_a_collector_rejects_in_a_success_are_counted(receiver):
    receiver.answer = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="no")
    ).SerializeToString()
    assert sent(settings(receiver.server_port)) == {"refused": 2}
    assert rejected(b"\xff\xff") == 0


def test_a_batch_that_a_busy_collector_refuses_is_sent_again():
    answers = [CollectorAnswer(arrived=False, again=True, after_s=0.01), CollectorAnswer(arrived=True)]
    lost: list[int] = []

    class Busy:
        def send(self, _body: bytes, _timeout_s: float) -> CollectorAnswer:
            return answers.pop(0)

        def close(self) -> None:
            """Nothing is open."""

    one = SpanDelivery(Busy(), lambda _item: iter([b"x"]), b"".join, lambda _reason, number: lost.append(number))
    one.put(Weighing(0))
    deadline = time.monotonic() + PATIENCE_S
    while answers and time.monotonic() < deadline:
        time.sleep(0.01)
    one.close(PATIENCE_S)
    assert (answers, lost) == ([], [])


class Weighing:
    size = 1

    def __init__(self, weight_bytes: int) -> None:
        self.weight_bytes = weight_bytes


@contextmanager
def hanging() -> Iterator[int]:
    """Accept connections, and answer nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_collector_that_hangs_delays_nothing_bounds_the_queue_and_each_loss_is_counted():
    lost: Counter[str] = Counter()
    with hanging() as port:
        transport = open_transport(settings(port), "traces")
        one = SpanDelivery(
            transport, lambda _item: iter([b"x"]), b"".join, lambda reason, number: lost.update({reason: number}), timeout_s=PATIENCE_S
        )
        one.put(Weighing(0))
        deadline = time.monotonic() + PATIENCE_S
        while one.waiting and time.monotonic() < deadline:
            time.sleep(0.01)
        offered = 100 * 512
        began = time.thread_time()
        for _ in range(offered):
            one.put(Weighing(0))
        used_s = time.thread_time() - began
        assert one.waiting == 512
        one.close(0.05)
    assert used_s / offered < 50e-6
    assert lost == {"full": offered - 512, "closed": 513}


def test_a_large_item_takes_as_much_of_the_queue_as_memory():
    released, lost = Event(), []

    class Stuck:
        def send(self, _body: bytes, _timeout_s: float) -> CollectorAnswer:
            released.wait(PATIENCE_S)
            return CollectorAnswer(arrived=True)

        def close(self) -> None:
            """Nothing is open."""

    one = SpanDelivery(Stuck(), lambda _item: iter([b"x"]), b"".join, lambda reason, _number: lost.append(reason), waiting=10)
    one.put(Weighing(9 * 2**16))
    while one.waiting:
        time.sleep(0.01)
    one.put(Weighing(9 * 2**16))
    one.put(Weighing(0))
    released.set()
    one.close(PATIENCE_S)
    assert lost == ["full"]
