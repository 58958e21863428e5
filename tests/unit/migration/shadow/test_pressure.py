"""What shadows cost, against its limits."""

import asyncio
import os
import time

import pytest

from migration.settings import MigrationSettings
from migration.shadow.pressure import CpuShare, LoopLag, Measured, pressures

NOTHING = Measured(waiting=0, waiting_bytes=0, oldest_s=0.0, loop_late_s=0.0)


@pytest.mark.parametrize(
    ("measured", "cause"),
    [
        (Measured(waiting=128, waiting_bytes=0, oldest_s=0.0, loop_late_s=0.0), "queue"),
        (Measured(waiting=0, waiting_bytes=16 * 2**20, oldest_s=0.0, loop_late_s=0.0), "queue"),
        (Measured(waiting=0, waiting_bytes=0, oldest_s=30.0, loop_late_s=0.0), "age"),
        (Measured(waiting=0, waiting_bytes=0, oldest_s=0.0, loop_late_s=0.1), "loop"),
        (Measured(waiting=0, waiting_bytes=0, oldest_s=0.0, loop_late_s=0.0, tax=0.1), "tax"),
        (Measured(waiting=0, waiting_bytes=0, oldest_s=0.0, loop_late_s=0.0, cpu=1.0), "cpu"),
        (Measured(waiting=0, waiting_bytes=0, oldest_s=0.0, loop_late_s=0.0, reads_a_minute=600.0), "reads"),
    ],
)
def test_each_cost_at_its_limit_is_a_pressure_of_one(measured, cause):
    highest = max(pressures(measured, MigrationSettings()), key=lambda one: one.value)
    assert (highest.cause, highest.value) == (cause, pytest.approx(1.0))


def test_what_is_not_known_is_no_pressure():
    assert {one.cause for one in pressures(NOTHING, MigrationSettings())} == {"queue", "age", "loop"}


async def test_a_loop_that_was_blocked_was_late():
    lag = LoopLag()
    lag.start()
    for _ in range(4):
        await asyncio.sleep(0.06)
        time.sleep(0.2)  # noqa: ASYNC251 - what is measured
    await asyncio.sleep(0)
    await asyncio.sleep(0.06)
    lag.stop()
    assert lag.late_s() > 0.1


def proc(folder, pid, ticks, children=()):
    (folder / str(pid) / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
    (folder / str(pid) / "stat").write_text(f"{pid} (a (b) c) S " + "0 " * 10 + f"{ticks} {ticks} 0 0")
    (folder / str(pid) / "task" / str(pid) / "children").write_text(" ".join(map(str, children)))


def test_the_share_is_of_the_worker_and_its_descendants_since_the_last_call(tmp_path):
    now, second = [100.0], os.sysconf("SC_CLK_TCK")
    share = CpuShare(lambda: now[0], tmp_path)
    proc(tmp_path, 1, 0, [2])
    proc(tmp_path, 2, second)
    assert share.share(1) is None
    now[0] += 10.0
    proc(tmp_path, 1, second, [2])
    proc(tmp_path, 2, 2 * second)
    assert share.share(1) == pytest.approx(0.4)


def test_another_worker_or_none_begins_anew(tmp_path):
    now, second = [100.0], os.sysconf("SC_CLK_TCK")
    share = CpuShare(lambda: now[0], tmp_path)
    proc(tmp_path, 1, second)
    proc(tmp_path, 2, 50 * second)
    assert [share.share(pid) for pid in (1, 2, None, 99)] == [None] * 4


def test_linux_shows_this_process():
    share = CpuShare(time.monotonic)
    share.share(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert (share.share(os.getpid()) or 0.0) > 0.0
