"""Which boundary separates the engines of a shadow worker from the outside, according to the kernel."""

import contextlib
from pathlib import Path
from typing import Literal

HeldBy = Literal["kernel", "interpreter"]


def held_by(worker: int) -> HeldBy | None:
    """Return what confines the cell of a worker that accepts jobs; None: that cannot be read, or the worker has no cell now.

    A sealed cell has more seccomp filters than the worker that started it. A single filter proves nothing, because containers have their
    own filters.

    Args:
        worker: the worker's process id.
    """
    with contextlib.suppress(OSError, ValueError):
        (cell,) = (child for task in Path(f"/proc/{worker}/task").iterdir() for child in (task / "children").read_text().split())
        return "kernel" if _filters(int(cell)) > _filters(worker) else "interpreter"
    return None


def _filters(pid: int) -> int:
    """Return how many filters a process has, from proc_pid_status(5). Raises OSError or ValueError if the kernel does not show it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (shown,) = (line.split()[1] for line in lines if line.startswith("Seccomp_filters:"))
    return int(shown)
