"""Kills processes of a real server at random moments while real clients use it, and looks at what that did.

Kills come in rounds: several processes die within a few seconds, then the server is left alone until 5 s after the last death, from
where on the law of shadows must hold at each scrape. The next round begins when shadows are compared again,
by whichever process; what still starts then dies as well.
"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
from server_processes import Servers, flag_file, law, until, value
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

_CLIENTS = 6
_SETTLED_S = 5.0
_PATIENCE_S = 120.0
_SCRAPES = 3  #: of each round
#: What stands in the command line of each kind of process.
KINDS = {"server": b"spawn_main", "worker": b"migration.shadow\0", "cell": b"migration.shadow.cell\0"}


@dataclass
class Found:
    """What the kills did."""

    kills: dict[str, int] = field(default_factory=dict)  #: by kind of process
    finished: int = 0  #: runs that a client was told had finished
    cut: int = 0  #: requests that ended without an answer: their process was killed
    compared: int = 0  #: shadows
    scrapes: int = 0  #: 5 s after a death and later
    lost: list[str] = field(default_factory=list)  #: finished runs that a run store lacks
    twice: list[str] = field(default_factory=list)  #: runs that a client was told of, a run store holds or that were compared twice
    broken_laws: list[tuple[float, float]] = field(default_factory=list)  #: of those scrapes: expected, and what became of them
    gauges_of_the_dead: list[str] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)  #: workers and cells that outlived who started them


class _Clients:
    """Users who ask one thing after another, half of them by HTTP and half in chats, until they are told to stop."""

    def __init__(self, servers: Servers) -> None:
        self._servers, self._stop, self._lock = servers, threading.Event(), threading.Lock()
        self.finished: list[str] = []
        self.cut = 0
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(_CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        headers = {"Authorization": f"Bearer {self._servers.token(f'tenant{number % 3}', f'user{number}')}"}
        asked = self._chat if number % 2 else self._post
        while not self._stop.is_set():
            try:
                asked(headers)
            except (httpx.HTTPError, WebSocketException, OSError, EOFError, TimeoutError):
                with self._lock:
                    self.cut += 1

    def _post(self, headers: dict[str, str]) -> None:
        with httpx.Client(headers=headers, timeout=60) as client:
            while not self._stop.is_set():
                answer = client.post(f"{self._servers.url}/api/agents/data/run", json={"message": "hello"})
                if answer.status_code == httpx.codes.OK:
                    self._finish(answer.json()["run_id"])

    def _chat(self, headers: dict[str, str]) -> None:
        with connect(self._servers.chat_url, additional_headers=headers, open_timeout=60, proxy=None) as socket:
            while not self._stop.is_set():
                socket.send(json.dumps({"type": "chat", "message": "hello", "agent": "data"}))
                while (told := json.loads(socket.recv(timeout=60)))["type"] not in {"run_finished", "error"}:
                    pass
                if told.get("outcome") == "completed":
                    self._finish(told["run_id"])

    def _finish(self, run_id: str) -> None:
        with self._lock:
            self.finished.append(run_id)


class _Tree:
    """The processes below a server."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: dict[int, bytes] = {}  #: process id -> its command line

    def living(self) -> dict[str, list[int]]:
        """Return the process ids, by kind."""
        found: dict[str, list[int]] = {kind: [] for kind in KINDS}
        parents = [self._root]
        while parents:
            for pid in _children(parents.pop()):
                command = _command(pid)
                for kind in (kind for kind, mark in KINDS.items() if mark in command):
                    found[kind].append(pid)
                    parents.append(pid)
                    self._seen[pid] = command
        return found

    def orphans(self) -> list[int]:
        """Return those that were seen, live 5 s from now, and have lost who started them."""
        with contextlib.suppress(AssertionError):
            until(lambda: not self._left(), "the end of what the dead had started", _SETTLED_S)
        return self._left()

    def _left(self) -> list[int]:
        ours = {pid for pids in self.living().values() for pid in pids}
        return [pid for pid, command in self._seen.items() if pid not in ours and _command(pid) == command]


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return []


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def killed_under_load(home: Path, *, kills: int, seed: int, together: int = 1, processes: int = 2) -> Found:
    """Kill servers, workers and their cells in turn, at moments that the seed gives, and return what that did.

    Args:
        home: an empty folder.
        kills: how many.
        seed: of the moments, and of who is killed.
        together: kills of one round.
        processes: server processes.
    """
    chance, found = random.Random(seed), Found()  # noqa: S311 - moments, no secrets
    (home / "flags.json").write_text(flag_file("shadow"))
    with Servers(home, processes).running() as servers, contextlib.ExitStack() as ending:
        clients = ending.enter_context(_Clients(servers))
        counted, tree = Counter[str](), _Tree(servers.pid)
        for number in range(kills):
            kind = list(KINDS)[number % len(KINDS)]
            if number % together == 0:
                _wait_for_shadows(servers)
            time.sleep(chance.uniform(0.0, 0.8))
            _kill(tree, kind, chance)
            counted[kind] += 1
            if (number + 1) % together == 0 or number + 1 == kills:
                _look_at_the_law(servers, found)
        found.kills = dict(counted)
        ending.close()
        found.finished, found.cut = len(clients.finished), clients.cut
        until(lambda: law(servers.metrics())[0] == law(servers.metrics())[1], "the law", _PATIENCE_S)
        until(lambda: len(servers.live()) == processes, "as many live processes as before", _PATIENCE_S)
        servers.metrics()
        alive = {str(pid) for pid in servers.live()}
        gauges = (home / "metrics").glob("gauge_live*.db")
        found.gauges_of_the_dead = [file.name for file in gauges if file.stem.rsplit("_", 1)[1] not in alive]
        found.orphans = tree.orphans()
        with contextlib.suppress(AssertionError):  # what is missing then is lost
            until(lambda: not _lost(home, clients.finished), "every finished run in its stores", 60)
    compared = _compared(home)
    found.compared = sum(compared.values())
    found.lost = _lost(home, clients.finished)
    found.twice = _twice(clients.finished, *(_kept(home, table) for table in _TABLES), compared)
    return found


def _kill(tree: _Tree, kind: str, chance: random.Random) -> None:
    """Kill one of that kind. If it ended by itself meanwhile, another one."""
    while True:
        victim = chance.choice(until(lambda: tree.living()[kind], f"a {kind}", _PATIENCE_S))
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            return


def _wait_for_shadows(servers: Servers) -> None:
    """Wait until a shadow is compared."""

    def compared() -> float:
        with contextlib.suppress(httpx.HTTPError):
            return value(servers.metrics(), "migration_shadow_compared_total") or 0.0
        return 0.0

    before = compared()
    until(lambda: compared() > before, "another comparison", _PATIENCE_S)


def _look_at_the_law(servers: Servers, found: Found) -> None:
    """Scrape from 5 s after now on. A scrape that no process answers is repeated until one does."""
    time.sleep(_SETTLED_S)
    give_up, before = time.monotonic() + _PATIENCE_S, found.scrapes
    while found.scrapes < before + _SCRAPES:
        assert time.monotonic() < give_up, "nobody answers a scrape"
        with contextlib.suppress(httpx.HTTPError):
            expected, became = law(servers.metrics())
            found.scrapes += 1
            found.broken_laws += [(expected, became)] if expected != became else []


_TABLES = ("agent_runs", "user_runs")


def _kept(home: Path, table: str) -> Counter[str]:
    return _counted(home / "netra.db", f"SELECT run_id FROM {table}")  # noqa: S608 - one of ours


def _compared(home: Path) -> Counter[str]:
    with contextlib.suppress(sqlite3.OperationalError):  # the table is made with the first comparison
        return _counted(home / "evidence.db", "SELECT run_id FROM comparisons")
    return Counter()


def _counted(file: Path, query: str) -> Counter[str]:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return Counter(run for (run,) in connection.execute(query))


def _lost(home: Path, finished: list[str]) -> list[str]:
    return sorted({run for table in _TABLES for run in set(finished) - set(_kept(home, table))})


def _twice(*runs: Iterable[str]) -> list[str]:
    counted = [each if isinstance(each, Counter) else Counter(each) for each in runs]
    return sorted({run for each in counted for run, times in each.items() if times > 1})
