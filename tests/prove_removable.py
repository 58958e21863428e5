"""`make prove-removable`: removes control of each surface, and of all together with the migration, and runs what must still pass.

`python -m tests.prove_removable [CASE ...] [--keep DIR]`; a case is a surface or `all`. Each removal is made in a copy, with an environment
of its own, made from the copy's `pyproject.toml`, in which nothing of this tree can be imported. Exit code 1: something failed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from migration.consolidation.removal.apply.tree import module_name, read_tree
from migration.consolidation.removal.manifest import RemovalManifest, load_manifest

ROOT: Final = Path(__file__).resolve().parents[1]
ALL: Final = "all"
BACKEND: Final = ("tests/unit/netra_backend", "tests/mission_critical", "tests/integration")
STEPS: Final = ("remove", "install", "compile", "ruff", "mypy", "golden path", "suite", "no legacy name")
_PATIENCE_S: Final = 1200.0


class StepFailedError(Exception):
    """A step did not pass; the message is the end of what it said."""


@dataclass
class Case:
    """One removal and what became of it."""

    name: str
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)  #: step -> a word on it
    failed: tuple[str, str] | None = None  #: step, and why


def prove(case: Case, manifest: RemovalManifest, done: Callable[[], None]) -> None:
    """Take the steps until one fails."""
    steps = _steps(case, manifest)
    for name in STEPS:
        began = time.monotonic()
        try:
            case.passed[name] = next(steps)
        except (StepFailedError, OSError, subprocess.SubprocessError) as error:
            case.failed = (name, str(error) or type(error).__name__)
            return
        finally:
            case.seconds[name] = time.monotonic() - began
            done()


def _steps(case: Case, manifest: RemovalManifest) -> Iterator[str]:
    whole = case.name == ALL
    plan = json.loads(
        _checked(
            ROOT,
            [_script("netra-migration"), "removal", "apply", f"--{ALL}" if whole else case.name, "--into", str(case.folder), "--json"],
            os.environ,
        )
    )
    yield f"{len(plan['deleted'])} files"
    _install(case.folder)
    yield "own environment"
    python = str(case.folder / ".venv" / "bin" / "python")
    _run(case, python, "-m", "compileall", "-q", "-x", "tests/migration/fixtures/", "netra_backend", "tests")
    yield "compiles"
    ruff = _script("ruff")
    _run(case, ruff, "check", "--no-cache", ".")
    _run(case, ruff, "format", "--check", "--no-cache", ".")
    yield "clean"
    _run(case, python, "-m", "mypy", "-p", "netra_backend")
    yield "clean"
    pytest = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    yield _passed(_run(case, *pytest, "tests/integration/test_golden_path.py"))
    yield _passed(_run(case, *pytest, *(() if whole else BACKEND)))
    yield _nothing_named(case, [item["path"] for item in plan["deleted"]], manifest)


def _script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def _install(folder: Path) -> None:
    """Make an environment with all that this one has but this project, and install the copy there as `make install` does."""
    _checked(folder, [sys.executable, "-m", "venv", "--without-pip", ".venv"], os.environ)
    [target] = (folder / ".venv" / "lib").glob("python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not any(own in entry.name for own in ("netra_strangler", "netra_backend")) and entry.name != "__pycache__":
            (target / entry.name).symlink_to(entry)
    python = [str(Path(sys.base_prefix) / "bin" / "python3"), "-m", "pip", "--disable-pip-version-check", "--python", ".venv/bin/python"]
    projects = [file.parent for file in (folder / "pyproject.toml", folder / "netra_backend" / "pyproject.toml") if _builds(file)]
    editable = [word for project in projects for word in ("--editable", str(project))]
    _checked(folder, [*python, "install", "-q", "--no-deps", "--no-build-isolation", *editable], os.environ)


def _builds(file: Path) -> bool:
    return "project" in tomllib.loads(file.read_text())


def _run(case: Case, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PYTEST_"))}
    return _checked(case.folder, list(command), environment)


def _checked(folder: Path, command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise StepFailedError((done.stdout + done.stderr)[-6000:])
    return done.stdout


def _passed(said: str) -> str:
    found = re.search(r"(\d+ passed.*?) in ", said)
    if found is None:
        raise StepFailedError(f"no test ran:\n{said[-2000:]}")
    return found[1]


def _nothing_named(case: Case, deleted: list[str], manifest: RemovalManifest) -> str:
    """Look for the legacy names once more, in another way than the plan does: a plain search for words in all files."""
    before, after = read_tree(ROOT), read_tree(case.folder)
    product = [path for path in deleted if path.startswith("netra_backend/") and path.endswith(".py")]
    kept = {word for path, data in after.items() if path.endswith(".py") for word in re.findall(rb"^class (\w+)", data, re.MULTILINE)}
    # What the migration defines for itself has names of every day (`User`, `Report`): its modules and words are sought, not its classes.
    legacy = [path for path in product if not path.startswith(manifest.migration.paths)]
    classes = {word for path in legacy for word in re.findall(rb"^class ([A-Za-z]\w*)", before[path], re.MULTILINE)} - kept
    modules = {module_name(path).encode() for path in product} | {path.encode() for path in product}
    names = [rb"\b" + re.escape(name) + rb"\b" for name in sorted(classes | modules)]
    history = manifest.history
    if case.name == ALL:
        names += [rb"^\s*(?:from|import) (?:migration|dashboards)\b", *(re.escape(word.encode()) for word in manifest.migration.words)]
        history = ()
    pattern = re.compile(b"|".join(names), re.MULTILINE)
    hits = {path: hit for path, data in after.items() if not path.startswith(history) and (hit := pattern.search(data))}
    if hits:
        raise StepFailedError("\n".join(f"{path}: {hit.group().decode()}" for path, hit in hits.items()))
    return f"{len(names)} sought"


def _table(cases: list[Case]) -> Table:
    table = Table("step", *(case.name for case in cases), title="Removed, and what is left still works", title_justify="left")
    for step in STEPS:
        table.add_row(step, *(_cell(case, step) for case in cases))
    return table


def _cell(case: Case, step: str) -> str:
    if case.failed is not None and case.failed[0] == step:
        return "FAILED"
    return f"{case.passed[step]} ({case.seconds[step]:.0f} s)" if step in case.passed else "-"


def main() -> int:
    """Prove it."""
    manifest = load_manifest(ROOT)
    known = [*manifest.surfaces, ALL]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help=f"{', '.join(known)}; default: all of them")
    parser.add_argument("--keep", type=Path, help="make the copies in this new folder and leave them there")
    options = parser.parse_args()
    if wrong := [name for name in options.cases if name not in known]:
        parser.error(f"no such case: {', '.join(wrong)}")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="prove-removable-"))
    # The longest one first.
    cases = [Case(name, folder / name) for name in reversed(options.cases or known)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(os.cpu_count() or 1) as workers:
            task = progress.add_task("proving", total=len(cases) * len(STEPS))
            for proven in [workers.submit(prove, case, manifest, lambda: progress.advance(task)) for case in cases]:
                proven.result()
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    console = Console(width=max(120, Console().width))
    console.print(_table(cases))
    for case in cases:
        if case.failed is not None:
            console.print(f"\n{case.name}: {case.failed[0]} failed:\n{case.failed[1]}", markup=False, highlight=False)
    return int(any(case.failed is not None for case in cases))


if __name__ == "__main__":
    sys.exit(main())
