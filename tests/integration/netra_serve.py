"""`netra serve` as a process of its own, for tests that send it signals or take something away from it."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netra_backend.app.config import Settings
from netra_backend.app.services.tokens import mint

PATIENCE_S = 60.0
SECRET = "a-secret-of-the-tests-0123456789ab"
NETRA = Path(sys.executable).with_name("netra")


class Backend:
    """A `netra serve` of its own."""

    def __init__(self, process: subprocess.Popen[str], home: Path, log: Path, url: str) -> None:
        self.process, self.home, self.url, self._log = process, home, url, log

    def token(self, user: str, tenant: str = "acme") -> str:
        return mint(Settings(home=self.home, jwt_secret=SECRET), tenant, user)

    async def connect(self, user: str) -> ClientConnection:
        address = f"{self.url.replace('http', 'ws')}/ws/chat"
        return await connect(
            address, proxy=None, additional_headers={"Authorization": f"Bearer {self.token(user)}"}, open_timeout=PATIENCE_S
        )

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            assert (await client.get(f"{self.url}/health")).status_code == 200

    def ended(self) -> int:
        return self.process.wait(timeout=PATIENCE_S)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def drained(self) -> list[dict[str, Any]]:
        """The log lines of processes that drained."""
        return [line for line in self.log() if line["message"] == "the server is drained"]

    def kept(self, tables: tuple[str, ...] = ("agent_runs", "user_runs")) -> dict[str, str]:
        """The outcome of each run that a store holds."""
        found = {}
        with sqlite3.connect(self.home / "netra.db") as database:
            for table in tables:
                if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
                    rows = database.execute(f"SELECT run_id, json_extract(record, '$.outcome') FROM {table}")  # noqa: S608 - our own names
                    found |= dict(rows)
        return found


@contextmanager
def serve(home: Path, *arguments: str, preexec: Callable[[], None] | None = None, **environment: str) -> Iterator[Backend]:
    """Run `netra serve` in that home, its log beside it; killed at the end unless it ended before."""
    given = {"NETRA_HOME": str(home), "NETRA_JWT_SECRET": SECRET}
    # goes with: migration
    given["NETRA_MIGRATION_HOME"] = str(home)
    # stays
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PROMETHEUS_"))}
    command = [NETRA, "serve", "--port", "0", "--json", *arguments]
    log = home.with_name(f"{home.name}.log")
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command,
            env={**inherited, **given, **environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=preexec,  # noqa: PLW1509 - limits of its own, set before it runs
        ) as process,
    ):
        try:
            told = process.stdout.readline() if process.stdout else ""
            assert told, log.read_text()
            yield Backend(process, home, log, json.loads(told)["url"])
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=PATIENCE_S)


async def ask(socket: ClientConnection, **more: Any) -> dict[str, Any]:
    """Ask, and return the last message of the run: `run_finished`, or the error that refused it."""
    await socket.send(json.dumps({"type": "chat", "message": "What did we spend last month?", "agent": "data", **more}))
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        if message["type"] == "run_finished" or (message["type"] == "error" and "run_id" not in message):
            return message


async def begin(socket: ClientConnection) -> str:
    """Ask, and return the id of the run when its first event is there."""
    await socket.send(json.dumps({"type": "chat", "message": "What did we spend last month?", "agent": "data"}))
    run_id = ""
    while True:
        message = json.loads(await socket.recv())
        if message["type"] == "run_accepted":
            run_id = message["run_id"]
        elif message["type"] == "agent_started":
            return run_id


async def to_the_end(socket: ClientConnection) -> tuple[str, bool, int | None]:
    """How the run ended as its client was told, whether it heard that the server stops, and the close code."""
    outcome, draining = "nothing", False
    try:
        while True:
            message = json.loads(await socket.recv())
            draining = draining or message["type"] == "server_draining"
            if message["type"] == "run_finished":
                outcome = message["outcome"]
    except ConnectionClosed:
        return outcome, draining, socket.close_code


#: How a chat may end for a client that connects while processes are renewed: one whose process was just told to stop hears so.
ENDS_OF_RENEWALS = {"completed", "unavailable", "closed 1012", "denied 503"}


async def chat_again_and_again(backend: Backend, user: str, stop: asyncio.Event, ends: Counter[str]) -> None:
    """Connect, ask and count how that ended, until told to stop."""
    while not stop.is_set():
        try:
            async with await backend.connect(user) as socket:
                ended = await ask(socket)
                ends[ended.get("outcome", ended.get("code"))] += 1
        except ConnectionClosed as closed:
            ends[f"closed {closed.rcvd.code if closed.rcvd else None}"] += 1
        except InvalidStatus as denied:
            ends[f"denied {denied.response.status_code}"] += 1
