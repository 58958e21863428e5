"""Each of many one-line changes of the codemod is found: by the drawn projects of the suite, or by a kept example. The list says which."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.migration.codemod.kept import KEPT
from tests.migration.codemod.mutants import MUTANTS

ROOT = Path(__file__).parents[2]
CODEMOD = Path("migration/consolidation/codemod")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the code, with the tests of this repository."""
    root = tmp_path_factory.mktemp("mutants")
    shutil.copytree(ROOT / "migration", root / "migration", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "pyproject.toml", "netra_backend"):
        (root / name).symlink_to(ROOT / name)
    return root


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_change_of_one_line_is_found(copy, mutant):
    file = copy / CODEMOD / mutant.path
    text = file.read_text()
    assert mutant.old in text, "the line was rewritten: change the mutant with it"
    try:
        file.write_text(text.replace(mutant.old, mutant.new, 1))
        assert found(copy, mutant.by), f"{mutant.by} does not find it"
    finally:
        file.write_text(text)


def test_there_are_forty_changes_and_each_is_another_one():
    assert len({(mutant.path, mutant.old) for mutant in MUTANTS}) == len(MUTANTS) >= 40


def test_without_a_change_nothing_is_found(copy):
    assert not found(copy, "drawn", *(use for use, _ in KEPT))


def found(root: Path, *parts: str) -> bool:
    """Return whether one of these parts of the laws fails with the code in this folder."""
    command = [sys.executable, "-B", "-m", "tests.migration.codemod.caught", *parts]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=300, env={**os.environ, "PYTHONPATH": "."})
    return "True" in done.stdout.rpartition("fails:")[2]
