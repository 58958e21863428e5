"""A controller as `rollout run` runs it, with a short lease, and with a wall clock that a file moves: to be killed."""

import os
import sys
import threading
import time
from pathlib import Path

from migration.rollout import RunningController, clocks, leader
from migration.settings import MigrationSettings

leader.UNCHANGED_S, leader.ACT_S = 0.8, 0.5
clocks.SETTLE_S = 0.3
offset = Path(sys.argv[1])


def wall() -> float:
    try:
        return time.time() + float(offset.read_text())
    except (OSError, ValueError):
        return time.time()


if __name__ == "__main__":
    running = RunningController(MigrationSettings(), wall)
    running.controller.leader.name = f"{os.getpid()}"
    running.run(threading.Event(), float(sys.argv[2]))
