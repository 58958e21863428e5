"""Server processes, workers and cells are killed under load: nothing is lost, nothing is there twice, and no gauge of the dead stays.

A small, seeded version of `tests/nightly/test_processes_killed.py`.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from killing import killed_under_load

pytestmark = pytest.mark.timeout(600)


def test_kills_of_servers_workers_and_cells_lose_nothing_and_leave_no_gauge(tmp_path):
    found = killed_under_load(tmp_path, kills=3, seed=1, together=3)
    assert found.kills == {"server": 1, "worker": 1, "cell": 1}
    assert min(found.finished, found.compared) > 0
    assert found.scrapes > 0
    assert (found.lost, found.twice) == ([], [])
    assert found.broken_laws == []
    assert (found.gauges_of_the_dead, found.orphans) == ([], [])
