"""The backend as the demo uses it: only through its command line, its HTTP endpoints and its metrics."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
from prometheus_client.parser import text_string_to_metric_families

from migration import MigrationSettings
from migration.errors import ConfigurationError, MigrationError

_START_S: Final = 30.0
_STOP_S: Final = 15.0


class BackendError(MigrationError):
    """The demo's backend did not work as required; the message ends with the backend's last log lines."""


class Metrics:
    """One reading of `/metrics`."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of that name with these labels; 0 if there are none."""
        wanted = labels.items()
        return sum(sample.value for sample in self._samples if sample.name == name and wanted <= sample.labels.items())

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Return the sums above 0, by the values of one label."""
        values = {sample.labels[label] for sample in self._samples if sample.name == name}
        return {value: total for value in sorted(values) if (total := self.sum(name, **labels, **{label: value}))}


class Backend:
    """A separate backend process on a free loopback port, which writes all its files into one folder.

    Args:
        home: the folder; it contains flags, database, evidence and logs.
        ledger: folder of accepted divergences.
    """

    def __init__(self, home: Path, ledger: Path) -> None:
        self._secret = secrets.token_hex(32)
        self.environment = os.environ | {
            "NETRA_JWT_SECRET": self._secret,
            "NETRA_HOME": str(home),
            "NETRA_MIGRATION_HOME": str(home),
            "NETRA_MIGRATION_LEDGER_DIR": str(ledger),
            "NETRA_SCRIPTED_LATENCY_MS": "40",
            "NETRA_RATE_LIMIT_PER_MINUTE": "6000",
            "NETRA_RATE_LIMIT_BURST": "1000",
            # Normally shadows get only unused processor time; in the demo a person waits for them.
            "NETRA_MIGRATION_SHADOW_PRIORITY": "normal",
            "NETRA_MIGRATION_SHADOW_GOVERNOR": "off",  # every run is compared, however busy the machine is
        }
        self.settings = MigrationSettings(home=home, ledger_dir=ledger)
        self._log, self._controller_log = home / "backend.log", home / "controller.log"
        self._process: asyncio.subprocess.Process | None = None
        self._controller: asyncio.subprocess.Process | None = None
        self._http = httpx.AsyncClient(timeout=5.0)
        self.url = self.chat_url = ""

    async def start(self, tenants: list[str], build: Mapping[str, str] | None = None) -> None:
        """Load the sample data, start the server and wait until it is ready.

        Args:
            tenants: who get sample data.
            build: the settings of the server's first build; None: the build as it is.

        Raises:
            BackendError: the server does not start.
            ConfigurationError: there is no `netra` command next to this one.
        """
        seeding = asyncio.create_task(self.command("netra", "seed", *(part for tenant in tenants for part in ("--tenant", tenant))))
        await self.deploy(build or {})
        await seeding

    async def deploy(self, build: Mapping[str, str]) -> None:
        """Stop the server if there is one, start another build, and wait until it is ready.

        Args:
            build: the settings of the build.

        Raises:
            BackendError: the server does not start.
            ConfigurationError: there is no `netra` command next to this one.
        """
        await _end(self._process)
        environment = {**self.environment, **build}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                _program("netra"), "serve", "--port", "0", "--json", env=environment, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        told = await self._first_document(self._process)
        self.url, self.chat_url = told["url"], told["chat"]
        await self.until(self._ready, "ready", _START_S)

    async def control(self) -> None:
        """Start a controller of ramps.

        Raises:
            ConfigurationError: there is no `netra-migration` command next to this one.
        """
        with self._controller_log.open("wb") as log:
            self._controller = await asyncio.create_subprocess_exec(
                _program("netra-migration"), "rollout", "run", "--every", "0.25", env=self.environment, stdout=log, stderr=log
            )

    async def aclose(self) -> None:
        """Stop all processes."""
        await self._http.aclose()
        await _end(self._controller)
        await _end(self._process)

    async def command(self, program: str, *arguments: str, findings: bool = False) -> str:
        """Run one of the project's commands as an operator would, and return its output.

        Args:
            program: the command's name.
            arguments: the command's arguments.
            findings: whether exit code 1 is accepted, which a command returns when the server is slow to follow an edit.

        Raises:
            BackendError: the command failed; its message is included.
        """
        process = await asyncio.create_subprocess_exec(
            _program(program), *arguments, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode and not (findings and process.returncode == 1):
            raise BackendError(f"{program} {' '.join(arguments)}: {err.decode().strip()}")
        return out.decode()

    def token(self, tenant: str, user: str) -> str:
        """Return a bearer token, as an identity provider that shares the backend's secret would mint it."""
        now = int(time.time())
        claims = {"iss": "netra", "aud": "netra-chat", "sub": user, "tenant": tenant, "iat": now, "exp": now + 3600}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    async def post(self, path: str, token: str, body: Mapping[str, Any]) -> int:
        """Send a request as this user, read the whole answer, and return its status.

        Raises:
            BackendError: the server does not answer.
        """
        try:
            answer = await self._http.post(f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30.0)
        except httpx.HTTPError as error:
            raise BackendError(f"{path} does not answer ({type(error).__name__}); {self._last_log()}") from error
        return answer.status_code

    async def metrics(self) -> Metrics:
        """Scrape the server once.

        Raises:
            BackendError: the server does not answer.
        """
        try:
            response = await self._http.get(f"{self.url}/metrics")
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise BackendError(f"/metrics does not answer ({type(error).__name__}); {self._last_log()}") from error
        return Metrics(response.text)

    async def until(self, condition: Any, what: str, timeout_s: float) -> None:  # noqa: ANN401 - an async predicate
        """Poll until the condition holds.

        Raises:
            BackendError: the condition did not hold in time.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not await condition():
            if asyncio.get_running_loop().time() > deadline or (self._process and self._process.returncode is not None):
                raise BackendError(f"the backend was not {what} within {timeout_s:.0f} s; {self._last_log()}")
            await asyncio.sleep(0.05)

    def worker_pid(self) -> int | None:
        """Return the shadow worker's process id; None on systems other than Linux, which do not report it."""
        if self._process is None:
            return None
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{self._process.pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    if b"migration.shadow" in Path(f"/proc/{child}/cmdline").read_bytes():
                        return int(child)
        return None

    def kill_worker(self) -> bool:
        """Kill the shadow worker with SIGKILL; return False when it cannot be found."""
        pid = self.worker_pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    async def _ready(self) -> bool:
        try:
            return (await self._http.get(f"{self.url}/ready")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def _first_document(self, process: asyncio.subprocess.Process) -> Mapping[str, Any]:
        """Read the output of `netra serve --json`: one indented JSON object."""
        read = b""
        if process.stdout is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_START_S):
                    while line := await process.stdout.readline():
                        read += line
                        with contextlib.suppress(json.JSONDecodeError):
                            document: Mapping[str, Any] = json.loads(read)
                            return document
        raise BackendError(f"netra serve did not start; {self._last_log()}")

    def _last_log(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-5:] if self._log.exists() else []
        return "the last log lines:\n" + "\n".join(lines)


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _program(name: str) -> str:
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise ConfigurationError(f"there is no {name} beside {sys.executable}; install the project with `make install`")
    return str(path)
