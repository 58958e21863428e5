"""Servers of this build and of others, each a process of its own, and users that chat with them over WebSockets."""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jwt
from websockets.asyncio.client import ClientConnection, connect

TENANTS: Final = ("acme", "globex", "initech", "umbrella")
READY_S: Final = 60.0
CHAT_S: Final = 120.0  #: longer than any chat on a busy machine

_HERE: Final = Path(__file__).parents[2]

#: Chats as users have them: each chain of agents of the workflow. The number makes each text one that no cache knows.
QUESTIONS: Final = (
    "What do we spend on gpt-4o, and what would gpt-4o-mini cost instead? Case {number}.",
    "How many tokens did we use last week? Case {number}.",
    "Save money on AI models, case {number}.",
    "Hello there, number {number}.",
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    pid: int
    url: str  #: of the chats
    secret: str

    def cpu_s(self) -> float:
        """Return the processor seconds of the process so far, of all of its threads, in the kernel too."""
        # The clock of another process, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self.pid << 3) | 2)

    def user_s(self) -> float:
        """Return the processor seconds so far outside of the kernel, to the hundredth."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) / os.sysconf("SC_CLK_TCK")

    def token(self, tenant: str, user: str) -> str:
        """Return a bearer token."""
        now = int(time.time())
        claims = {"iss": "netra", "aud": "netra-chat", "sub": user, "tenant": tenant, "iat": now, "exp": now + 36000}
        return jwt.encode(claims, self.secret, algorithm="HS256")


@contextmanager
def server(
    folder: Path,
    home: Path,
    *,
    settings: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    program: Sequence[str] = ("-c", "from netra_backend.app.cli import main; main()"),
) -> Iterator[Server]:
    """Run a server with sample data.

    Args:
        folder: of the build.
        home: where it writes.
        settings: environment variables in addition.
        before: words before the command, like `taskset -c 0`.
        program: what Python runs as `netra`.

    Raises:
        RuntimeError: it did not start.
    """
    secret = secrets.token_hex(32)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NETRA_")}
    environment |= {
        "PYTHONPATH": f"{folder}{os.pathsep}{_HERE}",
        "NETRA_HOME": str(home),
        "NETRA_JWT_SECRET": secret,
        "NETRA_RATE_LIMIT_PER_MINUTE": "1000000",
        "NETRA_RATE_LIMIT_BURST": "100000",
        "NETRA_ENGINES_PER_USER": "100",
        **(settings or {}),
    }
    if (folder / "migration").exists():
        environment["NETRA_MIGRATION_HOME"] = str(home)
    netra = [sys.executable, "-P", *program]
    seed = [*netra, "seed", *(part for tenant in TENANTS for part in ("--tenant", tenant))]
    subprocess.run(seed, env=environment, cwd=folder, check=True, capture_output=True)
    with (
        (home / "server.log").open("wb") as log,
        subprocess.Popen(
            [*before, *netra, "serve", "--port", "0", "--json"], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            if process.stdout is None:
                raise RuntimeError("no pipe")
            line = process.stdout.readline()
            if not line:
                raise RuntimeError((home / "server.log").read_text())
            told = json.loads(line)
            yield Server(process.pid, told["chat"], secret)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()


class Users:
    """Open connections, one a user. Each chats in turn."""

    def __init__(self, connections: Sequence[ClientConnection]) -> None:
        self._connections = connections
        self._number = secrets.randbelow(10**9)
        self._idle: asyncio.Queue[int] = asyncio.Queue()
        for user in range(len(connections)):
            self._idle.put_nowait(user)

    async def chat(self, user: int, question: str = "") -> float:
        """Send a text that nobody has sent before, read until the run has finished, and return the seconds.

        Raises:
            RuntimeError: the run did not complete.
        """
        self._number += 1
        text = (question or QUESTIONS[self._number % len(QUESTIONS)]).format(number=self._number)
        connection, began = self._connections[user], time.perf_counter()
        async with asyncio.timeout(CHAT_S):
            await connection.send(json.dumps({"type": "chat", "message": text}))
            while True:
                frame = await connection.recv(decode=False)
                if frame.startswith(b'{"type":"run_finished"'):
                    break
                if frame.startswith(b'{"type":"error"'):
                    raise RuntimeError(frame.decode())
        if b'"completed"' not in frame:
            raise RuntimeError(frame.decode())
        return time.perf_counter() - began

    async def chat_as_any(self) -> float:
        """Chat as a user who does not chat already, and return the seconds, with those in which all did."""
        began = time.perf_counter()
        user = await self._idle.get()
        try:
            await self.chat(user)
        finally:
            self._idle.put_nowait(user)
        return time.perf_counter() - began

    async def all_chat(self, chats: int, users: int | None = None) -> list[float]:
        """Have so many users chat at once, None: all, so many times each. Returns the seconds of each chat."""

        async def one(user: int) -> list[float]:
            return [await self.chat(user) for _ in range(chats)]

        chatting = range(len(self._connections) if users is None else users)
        return [seconds for each in await asyncio.gather(*map(one, chatting)) for seconds in each]


@asynccontextmanager
async def users(server: Server, count: int) -> AsyncIterator[Users]:
    """Connect so many users of all tenants, each with an id of its own."""
    async with contextlib.AsyncExitStack() as opened:
        connections = []
        deadline = time.monotonic() + READY_S
        for number in range(count):
            headers = {"Authorization": f"Bearer {server.token(TENANTS[number % len(TENANTS)], f'user{number}')}"}
            while True:
                try:
                    one = connect(server.url, additional_headers=headers, compression=None, max_queue=None, open_timeout=READY_S)
                    connections.append(await opened.enter_async_context(one))
                    break
                except Exception:
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(0.1)
        yield Users(connections)
