"""Two processes that write into one SQLite file at once, without a pause: each write is kept, or refused for now; none is lost."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

CHILD = Path(__file__).with_name("writes_without_a_pause.py")
NAMES = ("one", "two")
RUNS = 300
PATIENCE_S = 120.0


def test_what_two_processes_write_without_a_pause_is_kept_once_or_refused(tmp_path: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, CHILD, tmp_path, name, str(RUNS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in NAMES
    ]
    try:
        assert [child.stdout.readline() for child in children if child.stdout] == ["ready\n", "ready\n"]
        for child in children:
            if child.stdin:
                child.stdin.close()
                child.stdin = None  # so that `communicate` does not look for it
        told = [json.loads(child.communicate(timeout=PATIENCE_S)[0]) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    with closing(sqlite3.connect(tmp_path / "netra.db")) as database:
        stored = Counter(run_id for (run_id,) in database.execute("SELECT run_id FROM user_runs"))
    assert [len(one["kept"]) + one["refused"] for one in told] == [RUNS, RUNS]
    assert stored == Counter(run_id for one in told for run_id in one["kept"])
    assert all(one["kept"] for one in told)
