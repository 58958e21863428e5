"""What a chat costs a server, part by part, in microseconds of processor time, compared with another build.

Four users chat at once over WebSockets, each text is new, and the scripted model answers without a pause. `BASE` of the environment names
another commit to measure against, or a folder with a build. The whole is measured without the samples, in rounds in which the builds take
turns; the parts are shares of one longer round.
"""

import asyncio
import json
import os
import signal
import tempfile
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks.builds import build
from tests.benchmarks.callers import ratio
from tests.benchmarks.chat_parts_driver import PARTS
from tests.benchmarks.measuring import Measured, beside
from tests.benchmarks.servers import QUESTIONS, Server, Users, server, users

BEFORE: Final = "a2b7ca7"
_USERS: Final = 4
_ROUNDS: Final = 15
_CHATS: Final = 8  #: of each user, in each round
_LONG: Final = 60  #: of each user, while the server is sampled
_PATIENCE_S: Final = 30.0
_HERE: Final = Path(__file__).parents[2]
#: "alone": without the migration, as it will be in the end.
_MODES: Final[dict[str, dict[str, str]]] = {"at off": {}, "alone": {"CHAT_PARTS_ALONE": "1"}}


@dataclass(frozen=True)
class _Side:
    server: Server
    users: Users
    parts: Path


def run() -> dict[str, Measured]:
    """Return the microseconds of a whole chat and of its parts, in both builds."""
    base, rows = os.environ.get("BASE", BEFORE), {}
    with build(base, "migration", "netra_backend", "ledger") as before:
        for mode, settings in _MODES.items():
            rows |= _measured(mode, settings, before, base)
    return rows


def _measured(mode: str, settings: dict[str, str], before: Path, base: str) -> dict[str, Measured]:
    program = ("-m", "tests.benchmarks.chat_parts_driver")
    with ExitStack() as opened:
        servers = []
        for folder in (_HERE, _HERE, before):
            home = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            parts = home / "parts.json"
            # Starting one takes seconds and would keep the event loop from answering the others' pings.
            one = opened.enter_context(server(folder, home, settings={**settings, "CHAT_PARTS": str(parts)}, program=program))
            servers.append((one, parts))
        return asyncio.run(_compared(mode, servers, base))


async def _compared(mode: str, servers: list[tuple[Server, Path]], base: str) -> dict[str, Measured]:
    async with AsyncExitStack() as opened:
        sides = [_Side(one, await opened.enter_async_context(users(one, _USERS)), parts) for one, parts in servers]
        for side in sides:
            await side.users.all_chat(2 * len(QUESTIONS))  # warm
        rounds = [[await _chat_us(side) for side in sides] for _ in range(_ROUNDS)]
        mine, same, other = (list(side) for side in zip(*rounds, strict=True))
        rows: dict[str, Measured] = {}
        for name, peer, values in (("", base, other), (", measured twice", "the same build", same)):
            times = ratio(values, mine)
            row = beside(median(mine), "us of CPU", peer, median(values), times.middle)
            row["interval"] = (round(times.low, 2), round(times.high, 2))
            rows[f"a chat {mode}{name}"] = row
        parts, old = await _parts_us(sides[0]), await _parts_us(sides[-1])
    for part in PARTS:
        value, peer_value = parts.get(part, 0.0), old.get(part, 0.0)
        rows[f"- {mode}, {part}"] = beside(value, "us of CPU", base, peer_value, peer_value / value if value else 1.0)
    return rows


async def _chat_us(side: _Side) -> float:
    before = side.server.cpu_s()
    chats = len(await side.users.all_chat(_CHATS))
    return (side.server.cpu_s() - before) * 1e6 / chats


async def _parts_us(side: _Side) -> dict[str, float]:
    os.kill(side.server.pid, signal.SIGUSR1)
    chats = len(await side.users.all_chat(_LONG))
    os.kill(side.server.pid, signal.SIGUSR2)
    async with asyncio.timeout(_PATIENCE_S):
        while not side.parts.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    found: dict[str, float] = json.loads(side.parts.read_text())
    return {part: seconds * 1e6 / chats for part, seconds in found.items()}
