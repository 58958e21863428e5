"""`codemod --apply` that is killed leaves every file as the old or the new one, and can be finished."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def kill_while_it_writes(kills: int, seed: int) -> list[tuple[bool, int, int, int, int]]:
    """Return for each kill: whether it came in time, and how many files were old, new and torn, and new after a second run."""
    command = [sys.executable, "-m", "tests.migration.codemod.killed", str(kills), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=600, env={**os.environ, "PYTHONPATH": "."})
    rows = [line.split() for line in done.stdout.splitlines()]
    return [(row[0] == "True", *(int(number) for number in row[1:])) for row in rows]


def test_each_file_is_the_old_or_the_new_one_and_the_rest_can_be_written_later():
    found = kill_while_it_writes(20, 1)
    assert len(found) == 20
    assert sum(was_killed for was_killed, *_ in found) >= 10
    assert any(old and new for _, old, new, _, _ in found)
    assert {torn for _, _, _, torn, _ in found} == {0}
    assert {finished == old + new for _, old, new, _, finished in found} == {True}
