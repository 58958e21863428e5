"""Two controllers as processes, killed at random points, while clocks jump and their database is locked; and what must hold afterwards."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Self

from migration.errors import MigrationError
from migration.flags.editors import open_editor
from migration.history import OF_RAMPS, History
from migration.processes.identity import birth
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable
from migration.rollout import Position, Rollout, RolloutStore, position_of
from migration.settings import MigrationSettings

CHILD = Path(__file__).with_name("controller_child.py")
PATIENCE_S = 120.0
SOAK_S = 0.3


class Scene:
    """A ramp of many small steps, its flags, and a server that follows them at once."""

    def __init__(self, home: Path, steps: int, ramp: str | None = None) -> None:
        self.home, self.steps, self.offset = home, steps, home / "offset"
        self.settings = MigrationSettings(home=home, surfaces=("chat",), stores="")
        ramp = ramp or f'[gate]\nsoak = "{SOAK_S} s"\nnot-on = []\n' + "".join(
            f'[[step]]\nstage = "dualwrite"\npercent = {number}\n' for number in range(1, steps + 1)
        )
        self.store = RolloutStore.of_settings(self.settings)
        self.store.start(Rollout(surface="chat", state="running", ramp_name="test", ramp=ramp))
        self.seen: list[tuple[float, Position]] = []  #: positions as the server saw them, and when
        self._stop = threading.Event()
        self._server = threading.Thread(target=self._follow, daemon=True)
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
            child.wait()
        self._stop.set()
        self._server.join()
        self.store.close()

    def child(self, every_s: float = 0.05) -> subprocess.Popen[bytes]:
        variables = {"HOME": self.home, "SURFACES": '["chat"]', "STORES": ""}
        environment = os.environ | {f"NETRA_MIGRATION_{name}": str(value) for name, value in variables.items()}
        with (self.home / "controllers.log").open("ab") as log:
            command = [sys.executable, str(CHILD), str(self.offset), str(every_s)]
            self._children.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log))
        return self._children[-1]

    def kill_now_and_then(self, kills: int, random: Random) -> int:
        """Kill one of two controllers so many times, or until the ramp is complete; return how often."""
        both = [self.child(), self.child()]
        for done in range(kills):
            leader = self._leader()
            time.sleep(random.uniform(0.0, 0.7))
            if leader is None or self.complete:
                return done
            if random.random() < 0.3:
                self.offset.write_text(str(random.choice([0.0, 3600.0, -3600.0, 86_400.0])))
            if random.random() < 0.2:
                with self.locked():
                    time.sleep(random.uniform(0.1, 1.0))
            which = next((number for number, child in enumerate(both) if child.pid == leader), 0) ^ (random.random() < 0.2)
            both[which].kill()
            both[which].wait()
            both[which] = self.child()
        return kills

    def _leader(self) -> int | None:
        """Wait until one leads, and return its process id; None: the ramp is complete."""
        until, before = time.monotonic() + PATIENCE_S, None
        while not self.complete:
            assert time.monotonic() < until, (self.home / "controllers.log").read_text()[-4000:]
            with suppress(MigrationError):
                lease = self.store.lease()
                if before is not None and lease is not None and lease != before:
                    return int(lease[0])
                before = lease
            time.sleep(0.05)
        return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the database for all others."""
        with closing(sqlite3.connect(self.home / "evidence.db", timeout=PATIENCE_S, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")

    @property
    def complete(self) -> bool:
        with suppress(MigrationError):
            rollout = self.store.rollout("chat")
            return rollout is not None and rollout.state == "complete"
        return False

    def wait(self) -> None:
        """Wait until the ramp is complete."""
        until = time.monotonic() + PATIENCE_S
        while not self.complete:
            assert time.monotonic() < until, (self.home / "controllers.log").read_text()[-4000:]
            time.sleep(0.05)

    def check(self) -> None:
        """Every step was taken, in order, once, each reported once, and none before its time."""
        path = [Position(position.stage, position.percent) for _, position in self.seen]
        percents = [position.percent for position in path if position.stage.value == "dualwrite"]
        assert percents == [float(number) for number in range(1, self.steps + 1)], percents
        times = [at for at, position in self.seen if position.stage.value == "dualwrite"]
        early = [later - before for before, later in pairwise(times) if later - before < SOAK_S - 0.1]
        assert not early, early
        with closing(History.of_settings(self.settings)) as history:
            told = [entry.what for entry in history.entries("chat", limit=100_000) if entry.kind in OF_RAMPS]
        promoted = [what.partition(";")[0] for what in reversed(told) if ": promoted to" in what]
        assert promoted == [f"chat: promoted to dualwrite {number} %" for number in range(1, self.steps + 1)]

    def _follow(self) -> None:
        """Be the server: look at the flags very often, and report the version as followed."""
        table, editor, told_at, version = ProcessTable(self.settings.evidence()), open_editor(self.settings), 0.0, -1
        raw: bytes | None = None
        while not self._stop.is_set():
            time.sleep(0.01)
            with suppress(MigrationError, OSError):
                file = self.settings.path(self.settings.flags_file)
                now = file.read_bytes() if file.exists() else b""
                if now != raw:
                    raw, data = now, editor.read().data
                    version, position = data.version, position_of(data, "chat")
                    if position is not None and (not self.seen or self.seen[-1][1] != position):
                        self.seen.append((time.monotonic(), position))
                    told_at = 0.0
                if time.monotonic() - told_at > 1.0:
                    table.beat([_row(version)])
                    told_at = time.monotonic()
        table.close()


def _row(version: int) -> ProcessRow:
    plain: dict[str, Any] = {"process_id": f"{os.getpid():032x}", "role": "server", "host": "h", "pid": os.getpid(), "started_at": 80.0}
    known = {"surfaces": ["chat"], "flags_version": version, "flags_up": True, "flags_age_s": 0.1, "followed_since": 90.0}
    known |= {"kill_switch": {"chat": False}, "flags_source": "file", "said_at": 100.0, "code_version": "1"}
    return ProcessRow(**(plain | {"birth": birth(os.getpid()) or ""} | known))
