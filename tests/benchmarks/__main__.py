"""`python -m tests.benchmarks [NAME ...]`: runs the benchmarks, all or those named, prints a table and writes `build/bench.json`.

Each module of this folder with a `run()` is a benchmark. `run()` returns rows as `measuring.Measured`.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measuring import Measured, run_benchmark

HERE = Path(__file__).parent
RESULTS = Path("build/bench.json")


def benchmarks() -> tuple[str, ...]:
    """Return the names of all benchmarks."""
    return tuple(path.stem for path in sorted(HERE.glob("*.py")) if "\ndef run() ->" in path.read_text(encoding="utf-8"))


def table(measured: dict[str, Measured]) -> Table:
    """Return the rows as a table."""
    shown = Table("what", "value", "unit", "peer", "peer's value", "times better", "at 95 %", title="Benchmarks")
    for column in (1, 4, 5):
        shown.columns[column].justify = "right"
    for name, row in measured.items():
        peer_value, ratio = ("" if number is None else f"{number:,.10g}" for number in (row["peer_value"], row["ratio"]))
        interval = "{:,.10g} to {:,.10g}".format(*row["interval"]) if "interval" in row else ""
        shown.add_row(name, f"{row['value']:,.10g}", row["unit"], row["peer"] or "", peer_value, ratio, interval)
    return shown


def main(names: list[str]) -> int:
    """Run, print and write. Returns 2 when a name is not known."""
    known = benchmarks()
    if unknown := [name for name in names if name not in known]:
        sys.stderr.write(f"unknown benchmark {', '.join(unknown)}; use some of: {', '.join(known)}\n")
        return 2
    measured: dict[str, Measured] = {}
    console = Console(stderr=True)
    # Each has a process of its own: tracing is switched on for good, and a worker's audit hook cannot be taken out again.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in names or known:
            with console.status(f"{name} ..."):
                measured |= processes.submit(run_benchmark, name).result()
    Console(width=None if sys.stdout.isatty() else 160).print(table(measured))
    RESULTS.parent.mkdir(exist_ok=True)
    # Benchmarks that were not run keep their last numbers.
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if names and RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | measured, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
