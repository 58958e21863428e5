"""The shop of `tests/migration/ramped` as its operators run it: two backends of two workers each, and a controller; flags in Redis,
evidence and history in PostgreSQL. Nothing here reaches into a process.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from migration.history import Entry, History
from migration.rollout import Rollout, RolloutStore

SHOP = Path(__file__).parents[1] / "ramped"
PATIENCE_S = 120.0
TENANTS = tuple(f"tenant-{number}f3a9c" for number in range(8))
#: Another day, for the programs that are started with it: `time.time` is that many days ahead.
CLOCK = "import os, time\nreal, days = time.time, float(os.environ.get('SHOP_DAYS', '0'))\ntime.time = lambda: real() + days * 86_400\n"


def until(condition: Callable[[], Any], what: Callable[[], str] | str) -> Any:
    """Wait until the condition gives something true, and return that."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, what if isinstance(what, str) else what()
        time.sleep(0.1)
    return found


def stalled_s() -> float:
    """Return for how many seconds, since the machine was started, somebody waited for a processor; 0 where Linux does not say."""
    pressure = Path("/proc/pressure/cpu")
    found = re.search(r"some .*total=(\d+)", pressure.read_text()) if pressure.exists() else None
    return int(found[1]) / 1e6 if found else 0.0


class Shop:
    """A copy of the shop, its servers and its operators.

    Args:
        home: a folder of its own.
        redis: URL of the Redis that holds the flags.
        postgres: SQLAlchemy URL of the evidence.
    """

    surface = "shop"
    at_once = 8  #: customers that ask at the same time

    def __init__(self, home: Path, redis: str, postgres: str) -> None:
        self.home, self.code, self.state, self._logs = home, home / "code", home / "state", home / "logs"
        self.took_s = 0.0  #: from a leaked answer to the rollback, without the time in which the machine was busy with something else
        shutil.copytree(SHOP, self.code, ignore=shutil.ignore_patterns("__pycache__"))
        (home / "clock").mkdir()
        (home / "clock" / "sitecustomize.py").write_text(CLOCK)
        self._logs.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PYTEST_", "PROMETHEUS_"))}
        own = {"HOME": self.state, "PROJECT": self.code, "LEDGER_DIR": self.code / "ledger", "FLAGS_SOURCE": "redis", "REDIS_URL": redis}
        own |= {
            "EVIDENCE_URL": postgres,
            "STORES_URL": postgres,
            "SHADOW_PRIORITY": "normal",
            "SHADOW_GOVERNOR": "off",
            "NOISE_SAMPLING": 0,
        }
        own |= {"SHADOW_REST_PERCENT": 0}
        self.environment = kept | {f"NETRA_MIGRATION_{name}": str(value) for name, value in own.items()}
        self.environment |= {"PYTHONPATH": str(home / "clock"), "SUDO_USER": "ann"}
        self.environment |= {f"GIT_{who}_{what}": "ann@shop.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self._evidence = postgres
        self.addresses: list[str] = []
        self._stack, self._backends = ExitStack(), ExitStack()
        self._http = httpx.Client(trust_env=False, timeout=PATIENCE_S)
        self._asked = 0

    def close(self) -> None:
        """Stop everything."""
        self._http.close()
        self._backends.close()
        self._stack.close()

    def run(self, *command: str, code: int = 0, days: float = 0) -> str:
        """Run a program in the shop's folder, and return its output."""
        own = Path(sys.executable).with_name(command[0])
        program = [str(own) if own.exists() else command[0], *command[1:]]
        environment = self.environment | {"SHOP_DAYS": str(days)}
        done = subprocess.run(program, cwd=self.code, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == code, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def operate(self, *arguments: str) -> str:
        """Run an operator's command."""
        return self.run("netra-migration", *arguments)

    def git(self, *arguments: str) -> str:
        """Run Git."""
        return self.run("git", *arguments)

    def control(self) -> None:
        """Start the controller."""
        self._start(self._stack, "controller", "netra-migration", "rollout", "run", "--every", "0.25")

    def breach(self, tenant: str, product: str) -> None:
        """Let this customer ask for what shows another customer, and wait for the rollback."""
        began = time.monotonic() - stalled_s()
        self.ask(tenant, product)
        self.comes_to(state="rolled back")
        self.took_s = time.monotonic() - stalled_s() - began

    def withdraw(self) -> None:
        """Stop both backends."""
        self._backends.close()

    def deploy(self, **changes: str) -> None:
        """Write these modules of the shop (name -> text), and renew both backends."""
        for name, text in changes.items():
            (self.code / "shop" / f"{name}.py").write_text(text)
        self.renew()

    def renew(self) -> None:
        """Stop both backends and start them again."""
        self.withdraw()
        self.addresses = [self._backend(number) for number in (1, 2)]
        for address in self.addresses:
            until(lambda address=address: self._answers(address), f"no answer of {address}: {self.logs()}")

    def sell(self, products: tuple[str, ...] = ("lamp", "chair", "Table"), times: int = 1) -> None:
        """Let every tenant ask both backends for these products."""
        asked = [(tenant, product) for _ in range(times) for tenant in TENANTS for product in products]
        with ThreadPoolExecutor(self.at_once) as pool:
            list(pool.map(lambda one: self.ask(*one), asked))

    def ask(self, tenant: str, product: str) -> str:
        """Return the answer that this tenant gets."""
        self._asked += 1
        reply = self._http.get(self.addresses[self._asked % 2], params={"tenant": tenant, "product": product}).raise_for_status()
        return reply.text

    @contextmanager
    def busy(self, *products: str) -> Iterator[None]:
        """Have customers ask all the time."""
        stop = threading.Event()

        def go_on() -> None:
            while not stop.is_set():
                self.sell(products or ("lamp", "chair", "Table"))
                stop.wait(0.3)

        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(go_on)
            try:
                yield
            finally:
                stop.set()
            going.result()

    def holds(self, reason: str) -> None:
        """Wait until the gate holds, for this reason among others."""

        def so() -> bool:
            decision = self._rollout().decision or {}
            return decision.get("what") == "hold" and reason in decision.get("reasons", ())

        until(so, self._state)

    def comes_to(self, *, at: str | None = None, state: str = "running") -> None:
        """Wait until the ramp is in this state, at this step."""

        def there() -> bool:
            found = self._rollout()
            return found.state == state and at in {None, str(found.at)}

        until(there, lambda: f"not {state} at {at}: {self._state()}")

    def history(self) -> list[Entry]:
        """Return the history, the oldest first."""
        with closing(History(self._evidence)) as history:
            return history.entries(self.surface, limit=1000)[::-1]

    def _rollout(self) -> Rollout:
        with closing(RolloutStore(self._evidence)) as store:
            found = store.rollout(self.surface)
        assert found is not None
        return found

    def _state(self) -> str:
        return f"{self._rollout()}\n" + "\n".join(f"{one.what} {one.why}" for one in self.history()) + f"\n{self.logs()}"

    def logs(self) -> str:
        """Return the end of what all processes logged."""
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in sorted(self._logs.iterdir()))

    def _backend(self, number: int) -> str:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        counts = self.state / f"metrics-{number}"
        shutil.rmtree(counts, ignore_errors=True)
        counts.mkdir(parents=True)
        self._start(self._backends, f"backend-{number}", *self._served(port), PROMETHEUS_MULTIPROC_DIR=str(counts))
        return f"http://127.0.0.1:{port}"

    def _served(self, port: int) -> tuple[str, ...]:
        """Return the command of a backend."""
        return ("uvicorn", "shop.app:app", "--app-dir", ".", "--workers", "2", "--port", str(port), "--log-level", "warning")

    def _answers(self, address: str) -> bool:
        with suppress(httpx.HTTPError):
            return self._http.get(address, params={"tenant": TENANTS[0], "product": "lamp"}).is_success
        return False

    def _start(self, stack: ExitStack, name: str, *command: str, **environment: str) -> None:
        with (self._logs / name).open("ab") as log:
            program = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
            process = subprocess.Popen(program, cwd=self.code, env=self.environment | environment, stdout=log, stderr=log)
        stack.callback(process.wait, PATIENCE_S)
        stack.callback(process.terminate)
