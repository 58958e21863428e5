"""What a real worker and its cell get of their surroundings: no secret, no open file, no import from the working directory."""

import asyncio
import gzip
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry

from migration.model import Origin, RunRecord, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowJob
from migration.telemetry import spans
from migration.telemetry.metrics import Metrics

PATIENCE_S = 60.0


@asynccontextmanager
async def shadowing(home: Path, **settings: Any) -> AsyncIterator[tuple[ProcessShadow, CollectorRegistry]]:
    registry = CollectorRegistry()
    shadow = ProcessShadow(
        MigrationSettings(home=home, shadow_priority="normal", **settings),
        Metrics(registry=registry),
        lambda _result: None,
        parts="hostile_engines:parts",
        engines="hostile_engines:engines",
    )
    await shadow.start()
    try:
        yield shadow, registry
    finally:
        await shadow.aclose()


def job(act: str, number: int = 0, deadline_s: float = 10.0) -> ShadowJob:
    request = RunRequest(
        surface="chat",
        tenant_id="acme",
        user_id="ann",
        thread_id="t",
        run_id=f"{act}-{number}",
        payload=b'{"act": "%s"}' % act.encode(),
        received_at=0.0,
    )
    record = RunRecord(
        request=request, origin=Origin.CONTROL, events=(), journal=(), outcome="completed", duration_s=0.1, trace_id="a" * 32
    )
    return ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=deadline_s, span_id="b" * 16, traced=True)


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(Path(__file__).parent), "."]))


def children(pid: int | None) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


def environment(pid: int | None) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def descriptors(pid: int) -> set[str]:
    return {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}


SECRETS = {
    "NETRA_JWT_SECRET": "planted-jwt",
    "NETRA_OPENAI_API_KEY": "planted-key",
    "NETRA_DATABASE_URL": "postgresql://u:planted-password@h/d",
    "NETRA_MIGRATION_HASH_KEY": "planted-hash",
    "NETRA_MIGRATION_EVIDENCE_URL": "",
    "AWS_SECRET_ACCESS_KEY": "planted-aws",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=planted-otel",
    "PGPASSWORD": "planted-pg",
    "HTTPS_PROXY": "http://u:planted-proxy@h",
    "MY_APP_TOKEN": "planted-own",
}


async def test_no_secret_is_in_the_environment_of_a_worker_or_its_cell(tmp_path, monkeypatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    async with shadowing(tmp_path) as (shadow, _registry):
        shadow.offer(job("behave"))
        assert await shadow.drain(PATIENCE_S)
        started = [environment(pid) for pid in (shadow.worker_pid, *children(shadow.worker_pid))]
    assert len(started) == 2
    assert [b"planted" in variables for variables in started] == [False, False]
    assert all(b"PATH=" in variables for variables in started)


async def test_nothing_that_was_open_is_open_in_the_cell(tmp_path) -> None:
    (tmp_path / "open").touch()
    with (tmp_path / "open").open("a") as file:
        os.set_inheritable(file.fileno(), True)
        async with shadowing(tmp_path) as (shadow, _registry):
            shadow.offer(job("behave"))
            assert await shadow.drain(PATIENCE_S)
            (cell,) = children(shadow.worker_pid)
            opened = descriptors(cell)
    kinds = {name.partition(":")[0] for name in opened}
    assert kinds - {"pipe", "socket", "anon_inode"} == {"/dev/null", f"/proc/{cell}/task"}


async def test_a_file_in_the_working_directory_that_is_called_like_a_dependency_is_not_run(tmp_path, monkeypatch) -> None:
    for name in ("attrs", "msgspec", "sqlalchemy", "socket", "migration"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    async with shadowing(tmp_path / "home") as (shadow, registry):
        shadow.offer(job("behave"))
        assert await shadow.drain(PATIENCE_S)
        assert registry.get_sample_value("migration_shadow_compared_total", {"surface": "chat"}) == 1
    assert not (tmp_path / "run").exists()


@pytest.fixture
def collector(request: pytest.FixtureRequest) -> Iterator[tuple[str, Counter[str]]]:
    """A real OTLP receiver: its address, and the names of the spans that it got."""
    got: Counter[str] = Counter()
    status = getattr(request, "param", 200)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = ExportTraceServiceRequest.FromString(gzip.decompress(body) if self.headers.get("Content-Encoding") else body)
            got.update(span.name for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


@pytest.mark.parametrize("waiting", [False, True], ids=["idle", "with a job under way"])
async def test_spans_of_finished_comparisons_arrive_when_the_worker_ends(tmp_path, collector, waiting) -> None:
    address, got = collector
    async with shadowing(tmp_path, otlp_endpoint=address) as (shadow, registry):
        for number in range(3):
            shadow.offer(job("behave", number))
        assert await shadow.drain(PATIENCE_S)
        if waiting:
            shadow.offer(job("hang"))
    assert got[spans.COMPARE] == 3
    assert got[spans.SHADOW] >= 3  # of the job under way too, if it had begun
    assert not registry.get_sample_value("migration_failures_total", {"operation": "telemetry.export"})


@pytest.mark.parametrize("collector", [400], indirect=True)
@pytest.mark.parametrize("at_the_end", [False, True], ids=["while no job follows", "when it ends"])
async def test_spans_that_do_not_reach_the_collector_are_counted_by_the_server(tmp_path, collector, at_the_end) -> None:
    address, _got = collector

    def lost() -> float:
        return registry.get_sample_value("migration_failures_total", {"operation": "telemetry.export"}) or 0.0

    async with shadowing(tmp_path, otlp_endpoint=address) as (shadow, registry), asyncio.timeout(PATIENCE_S):
        for number in range(3):
            shadow.offer(job("behave", number))
        assert await shadow.drain(PATIENCE_S)
        while not at_the_end and lost() < 9:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)
    assert lost() == 9  # of each job a comparison's, the shadow's own, and that of its agent
