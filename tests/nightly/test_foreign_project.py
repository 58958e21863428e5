"""A thousand tickets of somebody else's project, fifty at once, through the worker process: every one matches."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration import compose

FOREIGN = Path(__file__).parents[1] / "migration" / "foreign"
RUNS, AT_ONCE = 1_000, 50
PATIENCE_S = 600.0


@pytest.fixture
def command(tmp_path, monkeypatch):
    for name, value in {"PROJECT": FOREIGN, "HOME": tmp_path, "SHADOW_PRIORITY": "normal", "SHADOW_QUEUE_JOBS": RUNS}.items():
        monkeypatch.setenv(f"NETRA_MIGRATION_{name}", str(value))
    program = Path(sys.executable).with_name("netra-migration")

    def run(*arguments):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=True, env=os.environ)
        return done.stdout

    for stage in ("dualwrite", "shadow"):
        run("stage", "set", "support", stage, "--all", "--yes", "--force", "--reason", "a test")
    return run


async def test_a_thousand_runs_with_threads_and_streams_fifty_at_once_all_match(command):
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number):
        ticket = {"topics": ["printer", "paper", f"ink {number}"], "text": f"ticket {number}", "colleague": ("ada", "nobody")[number % 2]}
        async with room:
            return [event async for event in migration.run("support", ticket, tenant_id=f"tenant-{number % 7}", user_id="ann")]

    async with compose(registry=CollectorRegistry()) as migration:
        streams = await asyncio.gather(*(one(number) for number in range(RUNS)))
        assert await migration.drained(PATIENCE_S)
    assert len(streams) == RUNS
    (surface,) = json.loads(await asyncio.to_thread(command, "status", "--json"))["surfaces"]
    assert {verdict: runs for verdict, runs in surface["verdicts"].items() if runs} == {"match": RUNS}
