"""SIGKILL of each kind of process at 200 random moments under load with real clients. 20 minutes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from killing import killed_under_load


def test_two_hundred_kills_lose_nothing_and_leave_no_gauge(tmp_path):
    found = killed_under_load(tmp_path, kills=200, seed=2, processes=3)
    assert sum(found.kills.values()) >= 190
    assert found.finished > 0
    assert (found.lost, found.twice, found.broken_laws, found.gauges_of_the_dead) == ([], [], [], [])
