"""`netra serve` told to stop by real signals, with real chats under way: each ends and is kept, or is told that it was cut."""

import asyncio
import functools
import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.netra_serve import ENDS_OF_RENEWALS, PATIENCE_S, Backend, begin, chat_again_and_again, serve, to_the_end


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    home = tmp_path / "home"
    home.mkdir()
    return functools.partial(serve, home)


@pytest.mark.parametrize("workers", [1, 2])
async def test_chats_under_way_end_are_kept_and_hung_up_on_with_1012(start: Any, workers: int) -> None:
    chats = 16
    with start("--workers", str(workers), NETRA_SCRIPTED_LATENCY_MS="400", NETRA_DRAIN_S="40") as backend:
        await backend.ready()
        sockets = [await backend.connect(f"user-{number}") for number in range(chats)]
        run_ids = await asyncio.gather(*(begin(socket) for socket in sockets))
        backend.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            ends = await asyncio.gather(*(to_the_end(socket) for socket in sockets))
        status = backend.ended()
        assert Counter(ends) == {("completed", True, 1012): chats}
        assert status in {0, -signal.SIGTERM}
        kept = backend.kept()
        assert {kept.get(run_id) for run_id in run_ids} == {"completed"}


async def test_chats_that_do_not_end_in_time_are_cut_told_kept_as_cut_and_counted_in_the_log(start: Any) -> None:
    chats = 4
    with start(NETRA_SCRIPTED_LATENCY_MS="60000", NETRA_DRAIN_S="0.2") as backend:
        await backend.ready()
        sockets = [await backend.connect(f"user-{number}") for number in range(chats)]
        run_ids = await asyncio.gather(*(begin(socket) for socket in sockets))
        backend.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            ends = await asyncio.gather(*(to_the_end(socket) for socket in sockets))
        backend.ended()
        assert Counter(ends) == {("cut", True, 1012): chats}
        assert [backend.kept().get(run_id) for run_id in run_ids] == ["cut"] * chats
        [drained] = backend.drained()
        assert (drained["runs_cut"], drained["requests_left"]) == (chats, 0)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_second_signal_ends_it_at_once_and_what_is_cut_is_kept(start: Any, workers: int) -> None:
    with start("--workers", str(workers), NETRA_SCRIPTED_LATENCY_MS="60000", NETRA_DRAIN_S="600") as backend:
        await backend.ready()
        socket = await backend.connect("ann")
        run_id = await begin(socket)
        backend.process.send_signal(signal.SIGTERM)
        while json.loads(await socket.recv())["type"] != "server_draining":
            pass
        backend.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await to_the_end(socket) == ("cut", False, 1012)
        backend.ended()
        assert backend.kept()[run_id] == "cut"


async def test_of_a_run_whose_process_is_killed_outright_nothing_is_kept_and_its_client_is_told_no_end(start: Any) -> None:
    with start(NETRA_SCRIPTED_LATENCY_MS="60000") as backend:
        await backend.ready()
        socket = await backend.connect("ann")
        run_id = await begin(socket)
        backend.process.kill()
        async with asyncio.timeout(PATIENCE_S):
            assert await to_the_end(socket) == ("nothing", False, 1006)
        backend.ended()
        assert run_id not in backend.kept()


async def test_on_sighup_the_processes_are_renewed_one_by_one_and_no_request_goes_without_an_answer(start: Any) -> None:
    with start(
        "--workers", "2", NETRA_SCRIPTED_LATENCY_MS="20", NETRA_RATE_LIMIT_BURST="1000", NETRA_RATE_LIMIT_PER_MINUTE="100000"
    ) as backend:
        await backend.ready()
        before, ends, stop = started(backend), Counter[str](), asyncio.Event()

        async with asyncio.timeout(PATIENCE_S * 2), asyncio.TaskGroup() as chats:
            for number in range(4):
                chats.create_task(chat_again_and_again(backend, f"user-{number}", stop, ends))
            backend.process.send_signal(signal.SIGHUP)
            while len(started(backend)) < 4 or len(backend.drained()) < 2:  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(0.05)
            stop.set()
        assert ends["completed"] > 0
        assert set(ends) <= ENDS_OF_RENEWALS
        assert not set(before) & set(started(backend)[-2:])
        backend.process.send_signal(signal.SIGTERM)
        backend.ended()


def started(backend: Backend) -> list[str]:
    return [line["message"] for line in backend.log() if line["message"].startswith("Started server process")]


# goes with: chat
@pytest.fixture
def collector() -> Iterator[tuple[str, Counter[str]]]:
    """An OTLP/HTTP collector on loopback, and how many spans of each name it got."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    got = Counter[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            request = ExportTraceServiceRequest.FromString(
                gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            )
            got.update(span.name for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_the_spans_of_finished_runs_and_of_the_worker_are_delivered_before_the_process_ends(
    start: Any, collector: Any, sent: signal.Signals
) -> None:
    from tests.unit.migration.flags.making import at, flag_file

    endpoint, got = collector
    with start(NETRA_MIGRATION_OTLP_ENDPOINT=endpoint, NETRA_MIGRATION_SHADOW_PRIORITY="normal") as backend:
        await backend.ready()
        (backend.home / "flags.json").write_bytes(flag_file(at("shadow")))
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client, asyncio.timeout(PATIENCE_S):
            asked = 0
            while True:
                text = (await client.get(f"{backend.url}/metrics")).text
                compared = sum(
                    float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("migration_comparisons_total{")
                )
                if compared >= 3:
                    break
                # The first ones may still be served by the flags of before, so it is asked until three were compared.
                async with await backend.connect(f"user-{asked}") as socket:
                    await begin(socket)
                    while json.loads(await socket.recv())["type"] != "run_finished":
                        pass
                asked += 1
                await asyncio.sleep(0.05)
        backend.process.send_signal(sent)
        backend.ended()
        assert got["migration.run"] >= 3
        assert got["migration.shadow"] >= 3


# stays
