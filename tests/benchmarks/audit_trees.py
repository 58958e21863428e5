"""The audit of trees that nobody made for it, beside `ast.parse` of all their files: the standard library, the environment's packages, and
revisions of this repository from its beginning on, each of which has to be audited without an error.
"""

import ast
import subprocess
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import msgspec

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import load_configuration
from migration.consolidation.inventory import Inventory
from tests.benchmarks.audit import HERE, Time, parse_all, timed
from tests.benchmarks.measuring import Measured, beside

REPOSITORY = HERE.parents[2]
REVISIONS = 20


def run() -> dict[str, Measured]:
    """Measure each tree once."""
    paths = sysconfig.get_paths()
    measured = dict([_row("the standard library", [_compared(Path(paths["stdlib"]), "site-packages", "dist-packages")])])
    measured |= [_row("the environment's packages", [_compared(Path(paths["purelib"]))])]
    if revisions := _revisions():
        measured |= [_row(f"{len(revisions)} revisions of this repository", [_of_revision(revision) for revision in revisions])]
    return measured


def _row(name: str, found: list[tuple[Inventory, Time, Time]]) -> tuple[str, Measured]:
    files, problems = (sum(numbers) for numbers in zip(*((item.files, len(item.problems)) for item, _, _ in found), strict=True))
    ours, parse = (sum(times[side].cpu_s for _, *times in found) for side in range(2))
    return f"audit of {name}, {files:,} files, {problems} reported as unreadable", beside(
        ours, "CPU s", "ast.parse of all", parse, parse / ours
    )


def _compared(root: Path, *exclude: str) -> tuple[Inventory, Time, Time]:
    """Return what an audit of the tree finds, what it takes, and what parsing the files takes."""
    # A copy of an environment inside of an audited tree is left out; this one is what is to be audited.
    configuration = msgspec.structs.replace(load_configuration(HERE), base=str(root.resolve()), exclude=exclude)
    ours, inventory = timed(lambda: audit(root, configuration=configuration))
    files = [path for path in root.rglob("*.py*") if path.suffix in {".py", ".pyi"} and not set(exclude) & set(path.parts)]
    return inventory, ours, timed(lambda: parse_all(ast.parse, files))[0]


def _of_revision(revision: str) -> tuple[Inventory, Time, Time]:
    with _checked_out(revision) as root:
        return _compared(root)


def _revisions() -> list[str]:
    """Return revisions at even distances, oldest first; [] where there is no history, as in an installed copy."""
    done = subprocess.run(
        ["git", "rev-list", "--first-parent", "--reverse", "HEAD"], cwd=REPOSITORY, capture_output=True, check=False, text=True
    )
    revisions = done.stdout.split()
    return revisions[:: max(1, len(revisions) // REVISIONS)][:REVISIONS]


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    archive = subprocess.run(["git", "archive", revision], cwd=REPOSITORY, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder).resolve()
