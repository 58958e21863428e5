"""The audit of about 8,000 files beside `ast.parse` of all of them in one process, and beside LibCST on a share of them.

The tree is this environment's installed packages, copied, with the seven engines put beside and a consumer's code put at the end of every
eighth file: every import form in turn. Its counts are known, so an audit that lost something is not a fast audit. The audit's time is that
of all its processes, and beside it what the clock says, which other work on the machine makes longer.
"""

import ast
import gc
import shutil
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from typing import TypeVar

import libcst
import msgspec

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import AuditConfiguration, load_configuration
from migration.consolidation.inventory import Inventory
from tests.benchmarks.measuring import Measured, alone, beside

_R = TypeVar("_R")

HERE = Path(__file__)
ROUNDS = 3
EVERY = 8  #: of this many files, one becomes a consumer
CST_SHARE = 80  #: LibCST is measured on one file of this many, and its time multiplied
MODULE = "netra_backend.app.agents.supervisor.execution_engine"
CONSUMERS = (
    f"from {MODULE} import ExecutionEngine\n\ndef _use(registry, bridge):\n    return ExecutionEngine(registry, bridge)\n",
    f"from {MODULE} import ExecutionEngine as Engine\n\nasync def _use(engine: Engine, task):\n    await engine.execute_agent(task)\n",
    f"from {MODULE} import (\n    ExecutionEngine,\n    create_request_scoped_engine,\n)\n",
    f"import {MODULE} as _engines\n\n_made = _engines.ExecutionEngine\n",
    f"def _use():\n    from {MODULE} import ExecutionEngine\n    return ExecutionEngine\n",
    f"try:\n    from {MODULE} import ExecutionEngine\nexcept ImportError:\n    ExecutionEngine = None\n",
    "from netra_backend.app.agents.supervisor import execution_engine as _engine_module\n",
    f'import importlib as _importlib\n\ndef _use():\n    return _importlib.import_module("{MODULE}")\n',
)
STATEMENTS = 7  #: of the consumers, those that import by a statement


@dataclass(frozen=True)
class Time:
    """What something took."""

    cpu_s: float  #: of all processes
    wall_s: float


def run() -> dict[str, Measured]:
    """Measure the first run, the second and the memory, on one tree."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        consumers = _build(tree)
        configuration = msgspec.structs.replace(load_configuration(HERE), base=str(tree), exclude=())
        files = sorted((*tree.rglob("*.py"), *tree.rglob("*.pyi")))  # as the audit counts them
        rounds = []
        for number in range(ROUNDS):
            cache = Path(folder) / f"cache-{number}"
            first, inventory = _audited(tree, configuration, cache)
            _check(inventory, consumers)
            second, again = _audited(tree, configuration, cache)
            if again != inventory:
                raise SystemExit("the second run found something else, so its time would mean nothing")
            rounds.append((first, second, timed(lambda: parse_all(ast.parse, files))[0]))
        memory = (getrusage(RUSAGE_SELF).ru_maxrss + 2 * getrusage(RUSAGE_CHILDREN).ru_maxrss) / 1024
        cst_s = timed(lambda: parse_all(libcst.parse_module, files[::CST_SHARE]))[0].cpu_s * CST_SHARE
    name = f"audit of {inventory.files:,} files, {consumers:,} of them consumers"
    first_s, second_s, parse_s = (median(found[side].cpu_s for found in rounds) for side in range(3))
    walls = [(first.wall_s, parse.wall_s) for first, _, parse in rounds]
    return {
        name: beside(first_s, "CPU s", "ast.parse of all", parse_s, median(parse.cpu_s / first.cpu_s for first, _, parse in rounds)),
        f"{name}, by the clock": beside(
            median(wall for wall, _ in walls), "s", "the same", median(wall for _, wall in walls), median(b / a for a, b in walls)
        ),
        f"{name}, beside LibCST": beside(first_s, "CPU s", "LibCST of all, extrapolated", cst_s, cst_s / first_s),
        f"{name}, second run": beside(
            second_s, "CPU s", "first run", first_s, median(first.cpu_s / second.cpu_s for first, second, _ in rounds)
        ),
        f"{name}, memory of all processes, at most": alone(memory, "MB"),
    }


def _build(tree: Path) -> int:
    """Make the tree; return how many files became consumers."""
    packages = Path(sysconfig.get_paths()["purelib"])
    shutil.copytree(packages, tree, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyc", "__editable__*"))
    shutil.copytree(HERE.parents[2] / "netra_backend", tree / "netra_backend", ignore=shutil.ignore_patterns("__pycache__"))
    number = 0
    for path in _parsable(tree)[::EVERY]:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n\n" + CONSUMERS[number % len(CONSUMERS)])
        number += 1
    return number


def _parsable(tree: Path) -> list[Path]:
    """Return the files that may be appended to."""
    paths = (path for path in sorted(tree.rglob("*.py")) if path.is_relative_to(tree) and "netra_backend" not in path.parts)
    return [path for path in paths if _parses(ast.parse, path)]


def _audited(tree: Path, configuration: AuditConfiguration, cache: Path) -> tuple[Time, Inventory]:
    # A tree that was just written is not trusted by its time stamps; a day later it is.
    later = time.time_ns() + 86_400 * 10**9
    return timed(lambda: audit(tree, configuration=configuration, cache=cache, now_ns=lambda: later))


def timed(call: Callable[[], _R]) -> tuple[Time, _R]:
    """Return what a call took, with all processes that it started and waited for, and what it returned."""
    gc.collect()
    before_s, started_s = _cpu_s(), time.perf_counter()
    result = call()
    return Time(_cpu_s() - before_s, time.perf_counter() - started_s), result


def _cpu_s() -> float:
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _check(inventory: Inventory, consumers: int) -> None:
    copied = {path.relative_to(HERE.parents[2]).as_posix() for path in (HERE.parents[2] / "netra_backend").rglob("*.py")}
    # A package that has star imports of its own passes what was put into its modules on, and rightly counts too.
    statements = sum(item.path not in copied and item.form != "star" for item in inventory.imports)
    wanted = sum(number % len(CONSUMERS) < STATEMENTS for number in range(consumers))
    if statements != wanted:
        raise SystemExit(f"the audit found {statements} import statements of {wanted}, so its time would mean nothing")


def parse_all(parse: Callable[[bytes], object], paths: list[Path]) -> int:
    """Parse the files, reading included; return how many of them can be parsed."""
    return sum(_parses(parse, path) for path in paths)


def _parses(parse: Callable[[bytes], object], path: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, libcst.ParserSyntaxError):
        return False
    return True
