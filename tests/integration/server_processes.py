"""`netra serve --workers N` as an operator starts it, and what a test asks of it from outside."""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt

PATIENCE_S = 60.0
STAGES = ("off", "dualwrite", "shadow", "live", "rampdown", "complete")
SURFACES = ("chat", "oneshot", "batch", "tools")


def program(name: str) -> str:
    """Return the path of one of the project's commands."""
    return str(Path(sys.executable).with_name(name))


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until the condition gives something true, and return that."""
    give_up = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < give_up, f"{what} did not come within {patience_s:.0f} s"
        time.sleep(0.05)
    return found


def flag_file(stage: str, version: int = 1, **switch: Any) -> str:
    """Return a flag file that has every tenant of every surface at one stage, and the kill switch off; `switch`: what else that has."""
    flags: dict[str, Any] = {
        f"execution-engine-{surface}": {
            "key": f"execution-engine-{surface}",
            "version": version,
            "on": True,
            "variations": list(STAGES),
            "offVariation": 0,
            "salt": "netra",
            "fallthrough": {"variation": STAGES.index(stage)},
        }
        for surface in SURFACES
    }
    flags["execution-engine-kill-switch"] = {
        "key": "execution-engine-kill-switch",
        "version": version,
        "on": True,
        "variations": [False, True],
        "offVariation": 0,
        "salt": "x",
        "fallthrough": {"variation": 0},
    } | switch
    return json.dumps({"flags": flags}, indent=2)


class Servers:
    """One server of several processes, in a folder of its own."""

    def __init__(self, home: Path, processes: int, **settings: str) -> None:
        self.home, self._processes = home, processes
        self._secret = secrets.token_hex(32)
        (home / "metrics").mkdir(exist_ok=True)
        self.environment = os.environ | {
            "NETRA_JWT_SECRET": self._secret,
            "NETRA_HOME": str(home),
            "NETRA_MIGRATION_HOME": str(home),
            "NETRA_SCRIPTED_LATENCY_MS": "5",
            "NETRA_RATE_LIMIT_PER_MINUTE": "60000",
            "NETRA_RATE_LIMIT_BURST": "10000",
            "NETRA_MIGRATION_SHADOW_PRIORITY": "normal",
            "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"),
            **settings,
        }
        self.url = self.chat_url = ""
        self.pid = 0  #: of the process that started the others

    @contextlib.contextmanager
    def running(self) -> Iterator["Servers"]:
        """Run it until the block ends."""
        command = [program("netra"), "serve", "--port", "0", "--workers", str(self._processes), "--json"]
        with (self.home / "backend.log").open("ab") as log:
            server = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        self.pid = server.pid
        try:
            told = json.loads(server.stdout.readline())
            self.url, self.chat_url = told["url"], told["chat"]
            until(lambda: len(self.live()) == self._processes, "as many live processes", 300)
            yield self
        finally:
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            server.terminate()
            try:
                server.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.communicate()

    def put(self, text: str) -> None:
        """Replace the flag file in one step."""
        new = self.home / "flags.json.new"
        new.write_text(text)
        new.replace(self.home / "flags.json")

    def migration(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `netra-migration`."""
        command = [program("netra-migration"), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=120)

    def status(self) -> dict[str, Any]:
        """Return what `status` says."""
        return json.loads(self.migration("status", "--json").stdout)

    def told(self) -> list[Any]:
        """Return the rows of all processes."""
        from migration.processes.table import ProcessTable
        from migration.settings import MigrationSettings

        table = ProcessTable.reading(MigrationSettings(home=self.home))
        try:
            return table.told()
        except Exception:  # noqa: BLE001 - a test may have taken the database away
            return []
        finally:
            table.close()

    def live(self, role: str = "server") -> list[int]:
        """Return the numbers of the live processes of that role."""
        return sorted(one.row.pid for one in self.told() if one.state == "live" and one.row.role == role)

    def pids(self) -> list[int]:
        """Return the numbers of all processes that were not seen to end."""
        return [one.row.pid for one in self.told() if one.state in {"live", "silent"}]

    def token(self, tenant: str = "acme", user: str = "ada") -> str:
        """Return a bearer token."""
        now = int(time.time())
        claims = {"iss": "netra", "aud": "netra-chat", "sub": user, "tenant": tenant, "iat": now, "exp": now + 3600}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def metrics(self) -> str:
        """Scrape one of the processes, which answers for all."""
        return httpx.get(f"{self.url}/metrics", timeout=30).text

    def log(self) -> str:
        """Return what was logged."""
        return (self.home / "backend.log").read_text(errors="replace")


def value(metrics: str, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    """Return the sum of the samples of that name with these labels; None: there is none."""
    found = [
        float(sample)
        for line in metrics.splitlines()
        if (match := re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line))
        and all(f'{label}="{wanted}"' in (match[1] or "") for label, wanted in (labels or {}).items())
        for sample in [match[2]]
    ]
    return sum(found) if found else None


def law(metrics: str) -> tuple[float, float]:
    """Return how many shadows were expected, and how many were compared, shed, failed or are waiting."""
    counted = [value(metrics, f"migration_shadow_{what}") or 0.0 for what in ("compared_total", "shed_total", "failed_total", "waiting")]
    return value(metrics, "migration_shadow_expected_total") or 0.0, sum(counted)
