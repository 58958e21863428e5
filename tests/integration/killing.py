"""Kills processes of a real server at random moments while real clients use it, and looks at what that did."""

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
from server_processes import Servers, flag_file, law, until

_CLIENTS = 6
_SETTLED_S = 5.0


@dataclass
class Found:
    """What the kills did."""

    kills: dict[str, int] = field(default_factory=dict)  #: by kind of process
    finished: int = 0  #: runs that a client was told had finished
    cut: int = 0  #: requests that ended without an answer: their process was killed
    lost: list[str] = field(default_factory=list)  #: finished runs that no run store has
    twice: list[str] = field(default_factory=list)  #: finished runs that a run store has twice
    broken_laws: list[tuple[float, float]] = field(default_factory=list)  #: of scrapes 5 s after a death: expected, and what became of them
    gauges_of_the_dead: list[str] = field(default_factory=list)


class _Clients:
    """Users who ask one thing after another until they are told to stop."""

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
        while not self._stop.is_set():
            try:
                answer = httpx.post(f"{self._servers.url}/api/agents/data/run", json={"message": "hello"}, headers=headers, timeout=60)
            except httpx.HTTPError:
                with self._lock:
                    self.cut += 1
                continue
            if answer.status_code == httpx.codes.OK:
                with self._lock:
                    self.finished.append(answer.json()["run_id"])


def killed_under_load(home: Path, *, kills: int, seed: int, processes: int = 2) -> Found:
    """Kill servers and workers in turn, at moments that the seed gives, and return what that did.

    Args:
        home: an empty folder.
        kills: how many.
        seed: of the moments.
        processes: server processes.
    """
    chance, found = random.Random(seed), Found()  # noqa: S311 - moments, no secrets
    (home / "flags.json").write_text(flag_file("shadow"))
    with Servers(home, processes).running() as servers, contextlib.ExitStack() as ending:
        clients = ending.enter_context(_Clients(servers))
        counted = Counter[str]()
        for number in range(kills):
            kind = ("server", "worker")[number % 2]
            victims = until(lambda kind=kind: servers.live(kind), f"a live {kind}", 120)
            time.sleep(chance.uniform(0.05, 1.0))
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
                counted[kind] += 1
            time.sleep(_SETTLED_S)
            with contextlib.suppress(httpx.HTTPError):
                found.broken_laws += [sides for sides in [law(servers.metrics())] if sides[0] != sides[1]]
            until(lambda: len(servers.live()) == processes, "as many live processes as before", 120)
        found.kills = dict(counted)
        ending.close()
        found.finished, found.cut = len(clients.finished), clients.cut
        until(lambda: law(servers.metrics())[0] == law(servers.metrics())[1], "the law", 120)
        alive = {str(pid) for pid in servers.live()}
        servers.metrics()
        gauges = (home / "metrics").glob("gauge_live*.db")
        found.gauges_of_the_dead = [file.name for file in gauges if file.stem.rsplit("_", 1)[1] not in alive]
        until(lambda: not _missing(home, clients.finished), "every finished run in its store", 60)
    _look_into_the_store(home, clients.finished, found)
    return found


def _kept(home: Path) -> Counter[str]:
    with contextlib.closing(sqlite3.connect(f"file:{home / 'netra.db'}?mode=ro", uri=True)) as connection:
        return Counter(run for (run,) in connection.execute("SELECT run_id FROM agent_runs"))


def _missing(home: Path, finished: list[str]) -> set[str]:
    return set(finished) - set(_kept(home))


def _look_into_the_store(home: Path, finished: list[str], found: Found) -> None:
    kept = _kept(home)
    found.lost = sorted(run for run in finished if run not in kept)
    found.twice = sorted(run for run, times in kept.items() if times > 1)
