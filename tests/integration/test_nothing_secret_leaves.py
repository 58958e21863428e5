"""Secrets in every place that a client of `netra serve` fills: what a real collector, the log, the metrics and the evidence get."""

# ruff: noqa: S311 - made to be the same each time

import asyncio
import contextlib
import gzip
import importlib.util
import json
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread
from urllib.parse import quote

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from migration.telemetry import spans
from migration.telemetry.spans import ATTRIBUTES, NAMES

from .server_processes import Servers, flag_file, law, until

PATIENCE_S = 60.0
_spec = importlib.util.spec_from_file_location("secret_corpus", Path(__file__).parents[1] / "unit/migration/evidence/secret_corpus.py")
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)


class Collector:
    """A real OTLP receiver."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.address = ""

    def spans(self) -> list:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def text(self) -> str:
        return "".join(str(request) for request in self.requests)


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            plain = gzip.decompress(body) if self.headers.get("Content-Encoding") else body
            kept.requests.append(ExportTraceServiceRequest.FromString(plain))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kept.address = f"http://127.0.0.1:{server.server_port}"
        yield kept
        server.shutdown()


def word(secret: str) -> str:
    """The secret as an id or a header may hold it."""
    return "".join(character for character in secret if character.isascii() and (character.isalnum() or character in "_.:-"))[:200]


async def give(servers: Servers, text: str, secret: str) -> None:
    """Put the secret wherever a client may put something."""
    name = word(secret)
    headers = {"Authorization": f"Bearer {servers.token()}", "User-Agent": name, "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    headers |= {"tracestate": f"v={name[:100]}", "X-Api-Key": name, "Cookie": f"session={name}"}
    async with httpx.AsyncClient(base_url=servers.url, headers=headers, timeout=PATIENCE_S, trust_env=False) as client:
        for path in (f"/api/threads/{quote(name)}", f"/{quote(name)}", "/health", "/metrics"):
            await client.get(path, params={"token": secret, "api_key": secret})
        await client.get("/api/threads/t", headers={"Authorization": f"Bearer {name}"})
        await client.post("/api/agents/data/run", json={"message": text, "thread_id": name, "request_id": name})
        await client.post("/api/agents/data/run", json={secret: secret}, params={"token": secret})
        await client.post("/api/agents/data/run", content=f"{{{text}")
        await client.post("/api/tools/price_lookup", json={"arguments": {"model": secret, secret: text}})
        await client.post(f"/api/tools/{quote(name)}", json={"arguments": {}})
        await client.post(f"/api/agents/{quote(name)}/run", json={"message": text})
        await client.post("/api/batch", json={"items": [{"message": text, "thread_id": name, "request_id": name}], "agent": "data"})
        await client.post("/api/batch", json={"items": [{"message": text}], "agent": secret})
        told = {"Referer": f"http://netra.invalid/{name}", "X-Forwarded-For": name, "Accept": f"text/{name}", "Forwarded": f"for={name}"}
        await client.request(f"{name[:20]}", "/health", headers=told)
        await client.get("/api/threads/t", headers={"Authorization": f"Basic {name}"})
        user = {"Authorization": f"Bearer {servers.token(user=name)}"}
        await client.post("/api/agents/data/run", json={"message": text}, headers=user | told)
    async with connect(f"{servers.chat_url}?token={quote(secret)}", proxy=None, additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "chat", "message": text, "thread_id": name, "request_id": name}))
        await socket.send(json.dumps({"type": secret, secret: text}))
        await socket.send(text)
        await socket.send(json.dumps({"type": "chat", "message": text, "agent": secret}))
        await socket.send(json.dumps({"type": "cancel", "run_id": secret}))
        async with asyncio.timeout(PATIENCE_S):
            while json.loads(await socket.recv())["type"] != "run_finished":
                pass
        await socket.close(reason=name[:100])
    with contextlib.suppress(InvalidHandshake):
        async with connect(
            servers.chat_url, proxy=None, additional_headers=headers, subprotocols=[name[:60]], origin=f"http://{name[:60]}"
        ):
            pass


async def everything(servers: Servers) -> AsyncIterator[str]:
    for kind in list(corpus.SECRETS)[::3]:
        text, secret = corpus.planted(Random(kind), kind)
        await give(servers, text, secret)
        yield secret


def settled(servers: Servers) -> bool:
    expected, became = law(servers.metrics())
    return expected > 0 and expected == became and "migration_shadow_waiting 0.0" in servers.metrics()


def readable_by_others(home: Path) -> list[str]:
    kept = [path for path in home.iterdir() if ".db" in path.name or path.suffix == ".key"]
    assert {"evidence.db", "stores.db", "netra.db"} <= {path.name for path in kept}
    return [path.name for path in kept if path.stat().st_mode & 0o077]


def evidence(home: Path) -> str:
    return b"".join(path.read_bytes() for path in home.glob("evidence.db*")).decode("latin-1")


async def test_no_secret_leaves_the_process(tmp_path: Path, collector: Collector) -> None:
    operators = {"NETRA_OPENAI_API_KEY": "sk-operator-0123456789abcdef", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=operators-collector-key"}
    servers = Servers(tmp_path, 1, NETRA_MIGRATION_OTLP_ENDPOINT=collector.address, **operators)
    servers.put(flag_file("shadow"))
    with servers.running():
        given = [secret async for secret in everything(servers)]
        until(lambda: settled(servers), "a verdict for every run")
        metrics, exposed = servers.metrics(), readable_by_others(tmp_path)
    assert exposed == []
    assert len(given) >= 21
    got = {"spans": collector.text(), "log": servers.log(), "metrics": metrics, "evidence": evidence(tmp_path)}
    looked_for = {
        *given,
        *(word(secret) for secret in given),
        *(quote(secret) for secret in given),
        "operator-0123456789",
        "operators-collector",
    }
    left = {(where, secret) for where, text in got.items() for secret in looked_for if len(secret) >= 8 and secret in text}
    assert left == set()
    # Something did leave, or nothing would be shown.
    sent = collector.spans()
    assert {span.name.partition(" ")[0] for span in sent} == NAMES
    assert {pair.key for span in sent for pair in span.attributes} <= ATTRIBUTES
    assert len([span for span in sent if span.name == spans.RUN]) >= len(given)
    assert all(span.trace_id != bytes.fromhex("a" * 32) for span in sent)
    assert "run" in got["log"]
