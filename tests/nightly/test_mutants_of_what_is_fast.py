"""What was made faster is still tested: each mutant of it, in a copy of the tree, makes the tests beside it fail.

A mutant is one place in a file whose text is replaced. If the place is not there, or is there twice, the table below is out of date.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
#: What the tests need of the tree.
PARTS: Final = ("migration", "netra_backend", "ledger", "tests", "pyproject.toml")
PATIENCE_S: Final = 600.0


class Mutant(NamedTuple):
    """A place, what it says instead, and the tests that notice."""

    file: str
    text: str
    instead: str
    tests: str


FACADE: Final = "tests/unit/migration/test_facade.py"
PORTS: Final = "tests/unit/netra_backend/test_execution.py"
DELIVERY: Final = "tests/unit/migration/stores/test_delivery.py"
WRITER: Final = "tests/unit/migration/stores/test_dual_writer.py"
OMISSIONS: Final = "tests/unit/migration/stores/test_omissions.py"
MUTANTS: Final = {
    "a failover has no journal": Mutant("migration/flags/decision.py", "return self.fails_over or (", "return (", FACADE),
    "a run with a canary is not recorded": Mutant(
        "migration/facade.py", "effects_are_read or canary is not None", "effects_are_read", FACADE
    ),
    "a replay performs effects": Mutant(
        "migration/effects/journals/replaying.py",
        '"""True: the journal answers every effect."""\n        return True',
        "return False",
        PORTS,
    ),
    "tools are never recorded": Mutant(
        "netra_backend/app/execution/recorded_ports.py",
        "if not is_recorded():\n            return await self._tools.call",
        "if True:\n            return await self._tools.call",
        PORTS,
    ),
    "a recording has no limit": Mutant(
        "migration/effects/journals/recording.py",
        "size_bytes > self._most_bytes or ",
        "",
        "tests/unit/migration/effects/journals/test_recording.py",
    ),
    "delivered rows stay": Mutant("migration/stores/delivery.py", "delivered += [claim.id for claim in claims]", "pass", DELIVERY),
    "one refused run keeps all others waiting": Mutant(
        "migration/stores/delivery.py",
        "except StoreRefusedError:\n            return False",
        "except StoreRefusedError:\n            return True",
        DELIVERY,
    ),
    "a slow store gets all runs at once for ever": Mutant("migration/stores/delivery.py", " or self._outages[store]", "", DELIVERY),
    "a row is taken for another store's": Mutant(
        "migration/stores/outbox.py", "return [ids[store] for store in stores]", "return [*ids.values()][::-1]", WRITER
    ),
    "a user who leaves stops the write": Mutant(
        "migration/stores/writer.py", "await asyncio.shield(self._begun(", "await (self._begun(", WRITER
    ),
    "a write begins before its begin is recorded": Mutant(
        "migration/stores/omissions.py", "await asyncio.shield(stretch.begun)", "await asyncio.sleep(0)", OMISSIONS
    ),
    "begins are not counted": Mutant("migration/stores/coverage.py", '"more_begun": begun', '"more_begun": 0', OMISSIONS),
    "runs are counted as the first one": Mutant(
        "migration/telemetry/run_counts.py",
        "if which != self._last:",
        "if self._last is None:",
        "tests/unit/migration/telemetry/test_run_counts.py",
    ),
    "garbage is never collected": Mutant(
        "netra_backend/app/garbage.py", "        gc.enable()\n", "", "tests/unit/netra_backend/test_garbage.py"
    ),
    "every flag is given": Mutant(
        "netra_backend/app/cli_flags.py", "return bool(value)", "return True", "tests/unit/netra_backend/test_cli.py"
    ),
}


def passes(tree: Path, *tests: str) -> bool:
    """Return whether these tests pass in that tree."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode == 0


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tree in which the tests of all mutants pass."""
    copy = tmp_path_factory.mktemp("mutants") / "tree"
    copy.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, copy / part)
    assert passes(copy, *sorted({mutant.tests for mutant in MUTANTS.values()}))
    yield copy
    shutil.rmtree(copy)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_of_what_is_fast_is_noticed(tree: Path, mutant: Mutant) -> None:
    file = tree / mutant.file
    whole = file.read_text(encoding="utf-8")
    assert whole.count(mutant.text) == 1
    file.write_text(whole.replace(mutant.text, mutant.instead), encoding="utf-8")
    try:
        assert not passes(tree, mutant.tests)
    finally:
        file.write_text(whole, encoding="utf-8")
