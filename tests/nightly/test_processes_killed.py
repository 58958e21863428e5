"""SIGKILL of each kind of process at 200 random moments under load with real clients; by `KILLS` of the environment, at fewer."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from killing import KINDS, killed_under_load

_KILLS = 200 * len(KINDS)


def test_two_hundred_kills_of_each_kind_lose_nothing_and_leave_no_gauge(tmp_path):
    kills = int(os.environ.get("KILLS", _KILLS))
    found = killed_under_load(tmp_path, kills=kills, seed=2, together=15)
    assert sum(found.kills.values()) == kills
    assert min(found.finished, found.compared, found.scrapes) > 0
    assert (found.lost, found.twice, found.broken_laws) == ([], [], [])
    assert (found.gauges_of_the_dead, found.orphans) == ([], [])
