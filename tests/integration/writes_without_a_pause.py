"""A process that keeps runs in a SQLite file without a pause: `python writes_without_a_pause.py HOME NAME RUNS`.

It begins when its standard input ends, and prints the ids of the runs that were kept, and how many were refused for now.
"""

import asyncio
import json
import sys
from pathlib import Path

from netra_backend.app.errors import RunStoreUnavailableError
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.user import UserRunStore


async def main(home: Path, name: str, runs: int) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{home / 'netra.db'}")
    store = UserRunStore(engine)
    await store.thread("acme", name, "t")  # makes the table
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    kept: list[str] = []
    refused = 0

    async def keep(numbers: range) -> None:
        nonlocal refused
        for number in numbers:
            run = FinishedRun(
                surface="chat",
                tenant_id="acme",
                user_id=name,
                thread_id="t",
                run_id=f"{name}-{number}",
                engine="made up",
                question="What did we spend?",
                answer="42",
                outcome="completed",
                started_at=float(number),
                duration_s=0.0,
            )
            try:
                await store.write([run])
            except RunStoreUnavailableError:
                refused += 1
            else:
                kept.append(run.run_id)

    await asyncio.gather(*(keep(range(first, runs, 4)) for first in range(4)))
    await engine.dispose()
    sys.stdout.write(json.dumps({"kept": kept, "refused": refused}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
