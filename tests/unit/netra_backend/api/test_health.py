import errno
import inspect
import json
import os
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import REGISTRY
from pydantic import SecretStr

from netra_backend.app import main
from netra_backend.app.api import agents, batch, health, threads, tools
from netra_backend.app.config import Settings
from netra_backend.app.main import create_app, server_options

COMPONENTS = ("database", "home", "descriptors", "memory", "chat", "server")


class FakeExecution:
    def __init__(self) -> None:
        self.state: Mapping[str, str] = {"chat": "ok"}

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    def stream(self, *_: Any) -> Any:
        raise NotImplementedError

    def metrics(self) -> tuple[bytes, str]:
        return b"runs_total 1.0\n", "text/plain; version=1.0.0; charset=utf-8"

    def ready(self) -> Mapping[str, str]:
        return self.state


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab")


@pytest.fixture
def execution() -> FakeExecution:
    return FakeExecution()


@pytest.fixture
async def app(settings: Settings, execution: FakeExecution) -> AsyncIterator[FastAPI]:
    app = create_app(settings, execution)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://netra") as client:
        yield client


async def test_a_live_process_says_so(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_it_is_ready_when_every_component_is(http: httpx.AsyncClient) -> None:
    answer = await http.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "components": dict.fromkeys(COMPONENTS, "ok")})


async def test_it_is_not_ready_when_a_component_says_why_not(http: httpx.AsyncClient, execution: FakeExecution) -> None:
    execution.state = {"chat": "ok", "shadow": "the worker is down"}
    answer = await http.get("/ready")
    assert (answer.status_code, answer.json()["components"]["shadow"]) == (503, "the worker is down")


async def test_it_is_not_ready_without_its_database(http: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError("db.internal:5432")

    monkeypatch.setattr(type(app.state.gateway.database), "connect", refuse)
    answer = await http.get("/ready")
    assert (answer.status_code, answer.json()["components"]["database"]) == (503, "does not answer: ConnectionRefusedError")


async def test_metrics_are_the_executions_with_its_content_type(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics")
    assert (answer.status_code, answer.content) == (200, b"runs_total 1.0\n")
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"


async def test_a_defect_answers_500_with_a_support_code_and_nothing_else(
    http: httpx.AsyncClient, execution: FakeExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise RuntimeError("inner workings")

    monkeypatch.setattr(execution, "metrics", broken)
    answer = await http.get("/metrics")
    assert answer.status_code == 500
    assert set(answer.json()) == {"code", "message", "support_code"}
    assert "inner" not in answer.text


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/nowhere", "/openapi.json"])
async def test_every_answer_carries_the_security_headers(http: httpx.AsyncClient, path: str) -> None:
    headers = (await http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    ("path", "statuses"), [("/health", {"200"}), ("/ready", {"200", "503", "500"}), ("/metrics", {"200", "401", "500"})]
)
def test_openapi_documents_every_status_of(app: FastAPI, path: str, statuses: set[str]) -> None:
    assert set(app.openapi()["paths"][path]["get"]["responses"]) == statuses


def test_openapi_gives_an_example_of_every_answer(app: FastAPI) -> None:
    described = app.openapi()
    for path in described["paths"].values():
        for status, response in next(iter(path.values()))["responses"].items():
            for content in response["content"].values():
                schema = content["schema"]
                model = described["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
                assert content.get("example") or model.get("examples"), (status, json.dumps(content))


def test_the_server_says_nothing_about_itself_and_limits_messages(settings: Settings) -> None:
    options = server_options(settings)
    assert options["server_header"] is False
    assert options["ws_max_size"] == settings.max_message_bytes


async def test_metrics_ask_for_their_token_where_one_is_set(settings: Settings, execution: FakeExecution) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr("a-token-for-prometheus")}), execution)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://netra") as client:
        statuses = [
            (await client.get("/metrics", headers={"Authorization": f"Bearer {shown}"} if shown else {})).status_code
            for shown in (None, "another", "a-token-for-prometheus")
        ]
    assert statuses == [401, 401, 200]


@pytest.mark.parametrize(
    ("failure", "says"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EMFILE, "no descriptors are left")]
)
async def test_what_the_machine_has_run_out_of_makes_it_unready_and_moves_a_metric_and_comes_back_by_itself(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, failure: int, says: str
) -> None:
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if ".room-" in str(path):
            raise OSError(failure, os.strerror(failure))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    answer = await http.get("/ready")
    assert (answer.status_code, says in answer.json()["components"]["home"]) == (503, True)
    assert REGISTRY.get_sample_value("netra_ready", {"component": "home"}) == 0
    monkeypatch.undo()
    assert (await http.get("/ready")).status_code == 200
    assert REGISTRY.get_sample_value("netra_ready", {"component": "home"}) == 1


@pytest.mark.parametrize(("is_own_process", "up"), [(True, ["start"]), (False, [])])
async def test_a_server_with_its_own_process_watches_garbage_while_it_is_up(
    settings: Settings, execution: FakeExecution, monkeypatch: pytest.MonkeyPatch, is_own_process: bool, up: list[str]
) -> None:
    done: list[str] = []
    garbage = SimpleNamespace(start=lambda: done.append("start"), stop=lambda: done.append("stop"))
    monkeypatch.setattr(main, "Garbage", lambda: garbage)
    monkeypatch.setattr(main, "load_settings", lambda: settings)
    monkeypatch.setattr(main, "configure_logging", lambda: None)
    app = create_app(None if is_own_process else settings, execution)
    assert done == []
    async with app.router.lifespan_context(app):
        assert done == up
    assert done == up + ["stop" for _ in up]


def test_no_request_waits_for_a_thread_to_learn_who_asks() -> None:
    routes = [route for module in (agents, batch, health, threads, tools) for route in module.router.routes]
    parts = [part for route in routes if isinstance(route, APIRoute) for part in route.dependant.dependencies]
    assert parts
    while parts:
        part = parts.pop()
        parts += part.dependencies
        call = part.call
        assert inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__), call
