"""Users at once against one `netra serve` on SQLite: each asks one thing after the other over real sockets, on one surface.

    python tests/nightly/load_of_users.py SURFACE USERS TIMES PAUSE_S [FOLDER OF ANOTHER BUILD]

prints answers, refusals and times as one JSON document.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.unit.migration.flags.making import at, flag_file

SECRET = "a-secret-of-the-tests-0123456789ab"
PATIENCE_S = 120.0
SURFACES = ("chat", "oneshot", "batch", "tools")
_SERVE = "import sys; from netra_backend.app.cli import main; sys.argv = ['netra', 'serve', '--port', '0', '--json', *sys.argv[1:]]; main()"


@contextlib.contextmanager
def backend(
    home: Path, *, stage: str, build: Path | None = None, workers: int = 1, **settings: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """Start a server of this build, or of another one's folder; yield its address and the environment that it has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PROMETHEUS_"))}
    environment |= {"NETRA_HOME": str(home), "NETRA_MIGRATION_HOME": str(home), "NETRA_JWT_SECRET": SECRET}
    environment |= {"NETRA_RATE_LIMIT_BURST": "100000", "NETRA_RATE_LIMIT_PER_MINUTE": "1000000", **settings}
    if build is not None:
        environment["PYTHONPATH"] = str(build)
    where = build or Path.cwd()
    seed = "import sys; from netra_backend.app.cli import main; sys.argv = ['netra', 'seed', '--tenant', 'acme', '--json']; main()"
    subprocess.run([sys.executable, "-c", seed], env=environment, cwd=where, check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)
    (home / "flags.json").write_bytes(flag_file(*(at(stage, surface) for surface in SURFACES)))
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", _SERVE, "--workers", str(workers)],
            env=environment,
            cwd=where,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as server,
    ):
        try:
            told = server.stdout.readline() if server.stdout else ""
            if not told:
                raise RuntimeError((home / "log").read_text()[-2000:])
            yield json.loads(told)["url"], environment
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()


def token(user: str, tenant: str) -> str:
    """Return a token that every build takes."""
    import jwt

    now = int(time.time())
    claims = {"iss": "netra", "aud": "netra-chat", "sub": user, "tenant": tenant, "iat": now, "exp": now + 3600}
    return jwt.encode(claims, SECRET, algorithm="HS256")


class _Asking:
    """What became of all users' questions so far.

    Args:
        users: how many there are; nobody asks before all are connected.
        pause_s: seconds between an answer and the next question, on average.
    """

    def __init__(self, users: int, pause_s: float) -> None:
        self.ends, self.seconds, self._pause_s = Counter[str](), list[float](), pause_s
        self._random = random.Random(7)  # noqa: S311 - it guards nothing
        self.all_connected = asyncio.Barrier(users)

    async def pause(self) -> None:
        """Think, for so long on average."""
        if self._pause_s:
            await asyncio.sleep(self._random.uniform(0, 2 * self._pause_s))


async def _chat(url: str, user: str, times: int, asking: _Asking) -> None:
    headers = {"Authorization": f"Bearer {token(user, f'tenant-{user}')}"}
    async with connect(f"{url.replace('http', 'ws')}/ws/chat", proxy=None, additional_headers=headers, open_timeout=PATIENCE_S) as socket:
        await asking.all_connected.wait()
        for number in range(times):
            await asking.pause()
            began = time.perf_counter()
            asked = {
                "type": "chat",
                "message": "What did we spend last month?",
                "agent": "data",
                "thread_id": f"thread-of-{user}-{number % 2}",
            }
            await socket.send(json.dumps(asked))
            while (message := json.loads(await socket.recv()))["type"] not in {"run_finished", "error"}:
                pass
            asking.ends[message.get("outcome") or message["code"]] += 1
            asking.seconds.append(time.perf_counter() - began)
            if message["type"] == "error" and "run_id" in message:
                await socket.recv()


_BODIES: dict[str, tuple[str, Any]] = {
    "oneshot": ("/api/agents/data/run", {"message": "What did we spend?"}),
    "batch": ("/api/batch", {"items": [{"message": "What did we spend?"}]}),
    "tools": ("/api/tools/price_lookup", {"arguments": {"model": "gpt-4o-mini"}}),
}


async def _http(url: str, surface: str, user: str, times: int, asking: _Asking) -> None:
    path, body = _BODIES[surface]
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    data = json.dumps(body).encode()
    shown = token(user, f"tenant-{user}")
    head = f"POST {path} HTTP/1.1\r\nHost: netra\r\nAuthorization: Bearer {shown}\r\nContent-Length: {len(data)}\r\n\r\n"
    await asking.all_connected.wait()
    for _ in range(times):
        await asking.pause()
        began = time.perf_counter()
        writer.write(head.encode() + data)
        status, text = await _answer(reader)
        if surface == "batch" and status == 200:
            last = json.loads(text.strip().split("\n\n")[-1].partition("data: ")[2])
            asking.ends["completed" if last["completed"] == 1 else text[-600:]] += 1
        else:
            told = json.loads(text)
            asking.ends[told.get("status") or told["code"]] += 1
        asking.seconds.append(time.perf_counter() - began)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Read one HTTP answer: this client costs little beside the server that it measures."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ", 2)[1])
    if "content-length:" in head:
        return status, (await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))).decode()
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return status, body.decode()


async def ask_all(url: str, surface: str, users: int, times: int, pause_s: float = 0.0) -> dict[str, Any]:
    """Have all users ask, each `pause_s` seconds on average after the last answer.

    Return how that ended: counts by ending, and quantiles of the time to the end in milliseconds.
    """
    asking = _Asking(users, pause_s)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(users):
            name = f"user-{number}"
            work = _chat(url, name, times, asking) if surface == "chat" else _http(url, surface, name, times, asking)
            group.create_task(work)
    seconds = sorted(asking.seconds)
    quantiles = {
        f"p{percent}_ms": round(seconds[min(len(seconds) - 1, len(seconds) * percent // 100)] * 1000, 1) for percent in (50, 95, 99)
    }
    return {"surface": surface, "users": users, "ends": dict(asking.ends), **quantiles, "seconds": round(time.perf_counter() - began, 2)}


def measure(
    surface: str, users: int, times: int, *, pause_s: float = 0.0, build: Path | None = None, stage: str = "dualwrite", **settings: str
) -> dict[str, Any]:
    """Measure one surface on a fresh SQLite home."""
    with tempfile.TemporaryDirectory() as folder, backend(Path(folder), stage=stage, build=build, **settings) as (url, _):
        httpx.get(f"{url}/health", timeout=PATIENCE_S, trust_env=False)
        asyncio.run(ask_all(url, surface, 5, 2))
        found = asyncio.run(ask_all(url, surface, users, times, pause_s))
        text = (Path(folder) / "log").read_text()
        return {
            **found,
            "locked": text.count("database is locked") + text.count("SQLITE_BUSY"),
            "log_errors": text.count('"level":"error"'),
        }


if __name__ == "__main__":
    surface, users, times, pause_s, *folder = sys.argv[1:]
    found = measure(surface, int(users), int(times), pause_s=float(pause_s), build=Path(folder[0]) if folder else None)
    sys.stdout.write(json.dumps(found) + "\n")
