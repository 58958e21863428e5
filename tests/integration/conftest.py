"""A real server on a free loopback port, real WebSocket clients, and a scripted execution behind them."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from netra_backend.app.config import Settings
from netra_backend.app.main import create_app, server_options
from netra_backend.app.server import DrainingServer
from netra_backend.app.services.tokens import mint
from netra_backend.app.services.user_execution_context import UserExecutionContext

PATIENCE_S = 10.0  #: no test waits longer for anything


def frame(context: UserExecutionContext, kind: str, **payload: Any) -> bytes:
    """A frame of a run, odd spacing included: it must arrive as it is."""
    return json.dumps({"type": kind, "run_id": context.run_id, "payload": payload}, separators=(", ", " : ")).encode()


async def echo(context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    yield frame(context, "agent_started")
    yield frame(context, "agent_completed", answer=payload["message"])


class ScriptedExecution:
    """Answers with what the test's script yields, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: Callable[[UserExecutionContext, Mapping[str, Any]], AsyncGenerator[bytes, None]] = echo
        self.asked: list[tuple[str, UserExecutionContext, Mapping[str, Any]]] = []
        self.state = {"chat": "ok"}
        self.life: list[str] = []

    async def start(self) -> None:
        self.life.append("started")

    async def aclose(self) -> None:
        self.life.append("closed")

    async def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        self.asked.append((surface, context, payload))
        try:
            async with aclosing(self.script(context, payload)) as frames:
                async for item in frames:
                    context.ending.see(item)
                    yield item
            context.ending.finished()
        except BaseException as error:
            context.ending.broken_off(error)
            raise

    def metrics(self) -> tuple[bytes, str]:
        return b"runs_total 1.0\n", "text/plain; version=1.0.0; charset=utf-8"

    def ready(self) -> Mapping[str, str]:
        return self.state


class _Server(DrainingServer):
    """Tells when it is up, and leaves the test runner's signal handlers alone."""

    def __init__(self, config: uvicorn.Config, *, drain_s: float) -> None:
        super().__init__(config, drain_s=drain_s)
        self.up = asyncio.Event()
        self.address = ""  #: host:port, once it is up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: FastAPI, settings: Settings) -> AsyncIterator[_Server]:
    """Run the application with the options of `netra serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = _Server(uvicorn.Config(app, **{**server_options(settings), "loop": "none"}), drain_s=settings.drain_s)
        task = asyncio.create_task(server.serve([listening]))
        async with asyncio.timeout(PATIENCE_S):
            await server.up.wait()
        server.address = "{}:{}".format(*listening.getsockname())
        try:
            yield server
        finally:
            server.should_exit = True
            await task


class Client:
    """One WebSocket client that speaks JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def raw(self) -> str | bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.socket.recv()

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.raw())
        return message

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """The messages up to and with the first of that type."""
        messages = [await self.next()]
        while messages[-1]["type"] != kind:
            messages.append(await self.next())
        return messages

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait until the server hung up: its code and reason."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


class Chat:
    """The application under test, running."""

    def __init__(self, server: _Server, settings: Settings, execution: ScriptedExecution, app: FastAPI) -> None:
        self._server = server
        self.address, self.settings, self.execution, self.app = server.address, settings, execution, app

    def stop(self) -> None:
        """Have the server shut down, soon. Called again: at once."""
        self._server.handle_exit(signal.SIGTERM, None)

    def token(self, tenant: str = "acme", user: str = "ann", **options: Any) -> str:
        return mint(self.settings, tenant, user, **options)

    @asynccontextmanager
    async def client(self, tenant: str = "acme", user: str = "ann", **options: Any) -> AsyncIterator[Client]:
        options.setdefault("additional_headers", {"Authorization": f"Bearer {self.token(tenant, user)}"})
        async with connect(f"ws://{self.address}/ws/chat", proxy=None, **options) as socket:
            yield Client(socket)


StartChat = Callable[..., AbstractAsyncContextManager[Chat]]


@pytest.fixture
def make_settings(tmp_path: Any) -> Callable[..., Settings]:
    """Settings in a folder of the test's own, whatever the environment says."""

    def make(**overrides: Any) -> Settings:
        return Settings(
            **{
                "home": tmp_path,
                "jwt_secret": "a-secret-of-the-tests-0123456789ab",
                "allowed_origins": ("http://app.acme.org",),
                **overrides,
            }
        )

    return make


@pytest.fixture
def start_chat(make_settings: Callable[..., Settings]) -> StartChat:
    """Start an application: settings by name, and `options` of `create_app`."""

    @asynccontextmanager
    async def start(options: Mapping[str, Any] | None = None, **overrides: Any) -> AsyncIterator[Chat]:
        settings, execution = make_settings(**overrides), ScriptedExecution()
        app = create_app(settings, execution, **(options or {}))
        async with serving(app, settings) as server:
            yield Chat(server, settings, execution, app)

    return start


@pytest.fixture
async def chat(start_chat: StartChat) -> AsyncIterator[Chat]:
    """An application with the settings' defaults."""
    async with start_chat() as started:
        yield started
