"""What users of a server notice of the migration: chats over WebSockets at each stage, compared with the tree after its removal.

Each server runs on core 0 and takes turns with the others, in an order drawn anew for each round; the users have the other core.
At `shadow` and `live` the worker shares either the users' core or the server's, under SCHED_IDLE. Each text is new. A ratio is the median
of those of the rounds, with an interval that holds the true median in 95 of 100 measurements; the removed tree compared with itself (A/A)
says what a ratio is worth on this machine. `ROUNDS` of the environment changes their number, `MODES` names some of the modes.

- saturated: eight users chat without a pause; chats a second, and processor time of the server for a chat.
- alone: one user chats, one chat after the other.
- at 70 %: chats begin at random moments, 70 % as many as the removed tree answered when saturated.
"""

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks.callers import quantile, ratio
from tests.benchmarks.measuring import Measured, beside
from tests.benchmarks.servers import Server, Users, server, users
from tests.unit.migration.flags.making import at, flag_file

_ROUNDS: Final = 24  #: with seven stages, about ten minutes
_USERS: Final = 8
_CONNECTED: Final = 48  #: of whom eight chat without a pause
_SATURATED: Final = 12  #: chats of each user
_ALONE: Final = 12
_LOADED_S: Final = 1.5
_LOAD: Final = 0.7
_TOO_MANY: Final = 400  #: chats that are begun at most, in a round of a mode
_CORES: Final = (0, 1)  #: the server's, and the users'
_HERE: Final = Path(__file__).parents[2]
_REMOVED: Final = "removed"
_AGAIN: Final = "removed, again"
#: Stage, and whether the worker shares the server's core; None: there is no worker to place.
_MODES: Final[dict[str, tuple[str, bool | None]]] = {
    "off": ("off", None),
    "shadow, worker on the users' core": ("shadow", False),
    "shadow, worker on the server's core": ("shadow", True),
    "live, worker on the users' core": ("live", False),
    "live, worker on the server's core": ("live", True),
    "rampdown": ("rampdown", None),
    "complete": ("complete", None),
}


@dataclass
class _Mode:
    """A server, its users, and what they waited: a number for each round."""

    name: str
    server: Server
    users: Users
    per_second: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    alone_ms: list[float] = field(default_factory=list)
    loaded_p99_ms: list[float] = field(default_factory=list)


def run() -> dict[str, Measured]:
    """Return each mode, compared with the removed tree."""
    chosen = os.environ.get("MODES")
    modes = {name: mode for name, mode in _MODES.items() if chosen is None or name.partition(",")[0] in chosen.split(",")}
    os.sched_setaffinity(0, {_CORES[1]})
    with ExitStack() as opened:
        tree = Path(opened.enter_context(tempfile.TemporaryDirectory())) / "removed"
        program = [sys.executable, str(Path(sys.executable).with_name("netra-migration")), "removal", "apply", "--all", "--into", str(tree)]
        subprocess.run(program, cwd=_HERE, check=True, capture_output=True)
        servers = {name: opened.enter_context(_server(tree, None)) for name in (_REMOVED, _AGAIN)}
        for name, (stage, _) in modes.items():
            servers[name] = opened.enter_context(_server(_HERE, stage))
        return asyncio.run(_measured(servers, modes))


@contextmanager
def _server(folder: Path, stage: str | None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        if stage is not None:
            (Path(home) / "flags.json").write_bytes(flag_file(at(stage, "chat")))
        with server(folder, Path(home), before=["taskset", "-c", str(_CORES[0])]) as one:
            yield one


async def _measured(servers: dict[str, Server], modes: dict[str, tuple[str, bool | None]]) -> dict[str, Measured]:
    async with AsyncExitStack() as opened:
        all_modes = []
        for name, one in servers.items():
            mode = _Mode(name, one, await opened.enter_async_context(users(one, _CONNECTED)))
            all_modes.append(mode)
            await mode.users.all_chat(1)  # warm
            if name in modes and modes[name][1] is False:
                _move(one.pid, _CORES[1])
        for number in range(int(os.environ.get("ROUNDS", _ROUNDS))):
            await _round(all_modes)
            sys.stderr.write(f"round {number + 1}\n")
    return _rows(all_modes)


async def _round(modes: list[_Mode]) -> None:
    order = random.sample(modes, len(modes))
    for mode in order:
        cpu_s, began = mode.server.cpu_s(), time.perf_counter()
        chats = len(await mode.users.all_chat(_SATURATED, _USERS))
        mode.per_second.append(chats / (time.perf_counter() - began))
        mode.cpu_ms.append((mode.server.cpu_s() - cpu_s) * 1e3 / chats)
        mode.alone_ms.append(median([await mode.users.chat(0) for _ in range(_ALONE)]) * 1e3)
    saturated = next(mode for mode in modes if mode.name == _REMOVED).per_second[-1]
    for mode in random.sample(modes, len(modes)):
        mode.loaded_p99_ms.append(quantile(await _loaded(mode, saturated * _LOAD), 0.99) * 1e3)


async def _loaded(mode: _Mode, per_second: float) -> list[float]:
    """Begin chats at random moments, and return how long each took."""
    chats, until = [], time.perf_counter() + _LOADED_S
    async with asyncio.TaskGroup() as tasks:
        while time.perf_counter() < until and len(chats) < _TOO_MANY:
            chats.append(tasks.create_task(mode.users.chat_as_any()))
            await asyncio.sleep(random.expovariate(per_second))
    return [chat.result() for chat in chats]


def _rows(modes: list[_Mode]) -> dict[str, Measured]:
    removed, rows = modes[0], {}
    for mode in modes[1:]:
        for what, unit, ours, theirs, more_is_better in (
            ("saturated", "chats/s", mode.per_second, removed.per_second, True),
            ("processor time of a chat", "ms", mode.cpu_ms, removed.cpu_ms, False),
            ("alone", "ms", mode.alone_ms, removed.alone_ms, False),
            ("at 70 %, p99", "ms", mode.loaded_p99_ms, removed.loaded_p99_ms, False),
        ):
            times = ratio(ours, theirs) if more_is_better else ratio(theirs, ours)
            row = beside(median(ours), unit, _REMOVED, median(theirs), times.middle)
            row["interval"] = (round(times.low, 3), round(times.high, 3))
            rows[f"{mode.name}: {what}"] = row
    return rows


def _move(pid: int, core: int) -> None:
    """Let the processes that this one started run on that core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            for thread in Path(f"/proc/{child}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {core})
            _move(int(child), core)
