"""A process that finishes runs until it kills itself in the middle of one: `python run_store_child.py HOME STAGE STORE WHEN NTH`.

It prints the id of each run that was reported complete. STORE and WHEN ("before", "after") name the write it dies at, that of the NTH run.
If the five arguments come several times, a process is forked for each death, since imports take far longer than the runs; then a line of
JSON is printed for each: its exit code, and what it printed.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from migration.flags.decision import Decision
from migration.model import Origin, RunRecord, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.stages import PLANS
from migration.stores import FinishedRuns
from migration.stores.run import KeptRuns
from migration.telemetry.metrics import Metrics
from netra_backend.app.config import Settings
from netra_backend.app.execution import open_run_stores
from netra_backend.app.execution.run_stores import finished

RUNS = 20


class Dying:
    """A run store in which the process dies."""

    def __init__(self, store, when, nth):
        self._store, self._when, self._left = store, when, nth
        self.thread = store.thread

    async def write(self, runs, /):
        self._left -= len(runs)  # runs that are delivered together are one write
        if self._left <= 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await self._store.write(runs)
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(home, stage, dying, when, nth):
    settings = Settings(home=Path(home), jwt_secret="s" * 32)
    async with open_run_stores(settings) as opened:
        stores = {name: Dying(store, when, int(nth)) if name == dying else store for name, store in opened.stores.items()}
        migration = MigrationSettings(home=Path(home), surfaces=("chat",))
        plan = PLANS[Stage(stage)]
        runs = FinishedRuns(
            migration, KeptRuns(stores=stores, finish=finished), plan=lambda *_: plan, metrics=Metrics(registry=CollectorRegistry())
        )
        runs.start()
        for number in range(RUNS):
            request = RunRequest(
                surface="chat",
                tenant_id="acme",
                user_id="ann",
                thread_id="thread-1",
                run_id=f"run-{number:02}",
                payload=b'{"message": "hello"}',
                received_at=float(number),
            )
            record = RunRecord(
                request=request, origin=Origin.CONTROL, events=(), journal=(), outcome="completed", duration_s=0.1, trace_id=None
            )
            await runs.writer.write(record, Decision(plan=plan, reason="flag", flag_key="k", sampled=True))
            sys.stdout.write(f"{request.run_id}\n")
            sys.stdout.flush()
        await asyncio.sleep(60)  # deliveries go on; the process dies in one of them


def forked(home, *arguments):
    """Return the exit code of a process of its own, and what it printed."""
    told = Path(f"{home}.told")
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os.dup2(os.open(told, os.O_CREAT | os.O_WRONLY), sys.stdout.fileno())
        asyncio.run(main(home, *arguments))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.read_text()


if __name__ == "__main__":
    deaths = [sys.argv[first : first + 5] for first in range(1, len(sys.argv), 5)]
    if len(deaths) == 1:
        asyncio.run(main(*deaths[0]))
    else:
        for death in deaths:
            sys.stdout.write(f"{json.dumps(forked(*death))}\n")
            sys.stdout.flush()
