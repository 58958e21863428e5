"""Memory of a server with many users: open sockets that wait, and runs that are under way; and how long its garbage collections pause it.

`SOCKETS` and `RUNS` of the environment change the numbers. The migration serves, at `off`, where every run is recorded. The growth of the
server's own memory is measured (private pages, `smaps_rollup`); a pause is processor time of the event loop's thread.
"""

import asyncio
import json
import os
import resource
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from websockets.asyncio.client import ClientConnection, connect

from tests.benchmarks.measuring import Measured, beside
from tests.benchmarks.servers import TENANTS, Server, server

SOCKETS: Final = 10_000
RUNS: Final = 2_000
_GOALS: Final = {"a waiting socket": 45.0, "a run under way": 65.0, "longest pause of a collection": 50.0}
_AT_ONCE: Final = 50
_MODEL_MS: Final = 20_000  #: so long a run waits for its first answer
_PATIENCE_S: Final = 300.0
_DRIVER: Final = ("-m", "tests.benchmarks.sockets_driver")
_HERE: Final = Path(__file__).parents[2]


def run() -> dict[str, Measured]:
    """Return kB of a socket, kB of a run, and the longest pause of a collection, with their goals."""
    sockets, runs = (int(os.environ.get(name, default)) for name, default in (("SOCKETS", SOCKETS), ("RUNS", RUNS)))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 2 * sockets + 1000), limit[1]))
    with tempfile.TemporaryDirectory() as home:
        settings = {"NETRA_SCRIPTED_LATENCY_MS": str(_MODEL_MS), "NETRA_MAX_ENGINES": str(2 * runs), "PAUSES": f"{home}/pauses.json"}
        with server(_HERE, Path(home), settings=settings, program=_DRIVER) as one:
            found = asyncio.run(_measured(one, sockets, runs))
            found["longest pause of a collection"] = json.loads((Path(home) / "pauses.json").read_text())["longest_ms"]
    rows = {}
    for name, value in found.items():
        goal = _GOALS[name]
        rows[f"{name}, of {runs if name == 'a run under way' else sockets}"] = beside(
            value, "ms" if "pause" in name else "kB", "the goal", goal, goal / value
        )
    return rows


async def _measured(one: Server, sockets: int, runs: int) -> dict[str, float]:
    async with AsyncExitStack() as opened, asyncio.timeout(_PATIENCE_S):
        connections = [await _connected(one, opened, 0)]
        await _begun(connections[0])  # what the first run needs is not of the others
        before = _kb(one.pid)
        for first in range(1, sockets + 1, _AT_ONCE):
            connections += await asyncio.gather(*(_connected(one, opened, first + number) for number in range(_AT_ONCE)))
        open_kb = _kb(one.pid)
        for first in range(1, runs + 1, _AT_ONCE):
            await asyncio.gather(*map(_begun, connections[first : first + _AT_ONCE]))
        runs_kb = _kb(one.pid)
        # They are left as they are: closing them one by one takes longer than the measurement.
        opened.pop_all()
    return {
        "a waiting socket": (open_kb - before) / sockets,
        "a run under way": (runs_kb - open_kb) / runs,
    }


async def _connected(one: Server, opened: AsyncExitStack, number: int) -> ClientConnection:
    headers = {"Authorization": f"Bearer {one.token(TENANTS[number % len(TENANTS)], f'user{number}')}"}
    socket = connect(one.url, additional_headers=headers, compression=None, open_timeout=60.0, ping_interval=None, proxy=None)
    return await opened.enter_async_context(socket)


async def _begun(connection: ClientConnection) -> None:
    """Begin a run, and wait until its agent asks the model."""
    await connection.send(json.dumps({"type": "chat", "message": "How many tokens did we use last week?"}))
    while b"Asking the model" not in await connection.recv(decode=False):
        pass


def _kb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return float(sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Clean"))))
