"""The application with a scripted execution behind it, asked over HTTP in one process."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from netra_backend.app.config import Settings
from netra_backend.app.main import create_app
from netra_backend.app.services.tokens import mint
from netra_backend.app.services.user_execution_context import UserExecutionContext

Script = Callable[[UserExecutionContext, Mapping[str, Any]], AsyncGenerator[bytes, None]]


def frame(kind: str, **payload: Any) -> bytes:
    return json.dumps({"type": kind, "agent_name": "data", "payload": payload}, separators=(",", ":")).encode()


async def echo(context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """Answer with what was asked."""
    yield frame("agent_started")
    yield frame("run_result", status="completed", result={"asked": payload, "for": context.user_id})


class ScriptedExecution:
    """Answers with what the test's script yields; remembers what it was asked, and which runs were closed."""

    def __init__(self) -> None:
        self.script: Script = echo
        self.asked: list[tuple[str, UserExecutionContext, Mapping[str, Any]]] = []
        self.under_way = self.most_under_way = self.closed = 0

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def stream(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any], /) -> AsyncGenerator[bytes, None]:
        self.asked.append((surface, context, payload))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        frames = self.script(context, payload)
        try:
            async for item in frames:
                context.ending.see(item)
                yield item
            context.ending.finished()
        except BaseException as error:
            context.ending.broken_off(error)
            raise
        finally:
            await frames.aclose()
            self.under_way -= 1
            self.closed += 1

    def metrics(self) -> tuple[bytes, str]:
        return b"", "text/plain"

    def ready(self) -> Mapping[str, str]:
        return {}


class Site:
    """The application, up, and a client that has a token of ann at acme."""

    def __init__(self, app: FastAPI, settings: Settings, execution: ScriptedExecution, client: httpx.AsyncClient) -> None:
        self.app, self.settings, self.execution, self._client = app, settings, execution, client

    async def post(self, path: str, body: Any = None, *, user: str = "ann", tenant: str = "acme", **options: Any) -> httpx.Response:
        """Send a body: bytes as they are, anything else as JSON."""
        headers = {"Authorization": f"Bearer {mint(self.settings, tenant, user)}", **options.pop("headers", {})}
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return await self._client.post(path, content=content, headers=headers, **options)


MakeSite = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def make_site(tmp_path: Any) -> MakeSite:
    """Start an application: settings by name, `options` of `create_app`."""

    @asynccontextmanager
    async def make(options: Mapping[str, Any] | None = None, **overrides: Any) -> AsyncIterator[Site]:
        settings = Settings(**{"home": tmp_path, "jwt_secret": "a-secret-of-the-tests-0123456789ab", **overrides})
        execution = ScriptedExecution()
        app = create_app(settings, execution, **(options or {}))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://netra", timeout=10.0) as client,
        ):
            yield Site(app, settings, execution, client)

    return make


@pytest.fixture
async def site(make_site: MakeSite) -> AsyncIterator[Site]:
    """An application with the settings' defaults."""
    async with make_site() as made:
        yield made


@pytest.fixture
def frame_of() -> Callable[..., bytes]:
    return frame


@pytest.fixture
def events_of() -> Callable[[str], list[tuple[str, Any]]]:
    """Read a body of server-sent events."""

    def read(body: str) -> list[tuple[str, Any]]:
        found = []
        for block in body.strip().split("\n\n"):
            kind, *data = block.split("\n")
            assert kind.startswith("event: ")
            assert all(line.startswith("data: ") for line in data)
            found.append((kind.removeprefix("event: "), json.loads("\n".join(line.removeprefix("data: ") for line in data))))
        return found

    return read


class AskedByHand:
    """One POST sent straight to the application, so that the test decides when the client leaves."""

    def __init__(self, site: Site, path: str, body: Any, **headers: str) -> None:
        self._site, self._path = site, path
        self._headers = {"authorization": f"Bearer {mint(site.settings, 'acme', 'ann')}", **headers}
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._inbox.put_nowait({"type": "http.request", "body": json.dumps(body).encode(), "more_body": False})
        self.broken = False  #: nothing can be sent, as to a client whose connection was lost

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "http.disconnect"})

    async def serve(self) -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": self._path, "raw_path": self._path.encode(), "query_string": b"", "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in self._headers.items()],
            "client": ("127.0.0.1", 1), "server": ("netra", 80),
        }  # fmt: skip
        await self._site.app(scope, self._inbox.get, self._send)

    async def _send(self, _message: Any) -> None:
        if self.broken:
            raise OSError("connection lost")


@pytest.fixture
def ask_by_hand() -> type[AskedByHand]:
    return AskedByHand
