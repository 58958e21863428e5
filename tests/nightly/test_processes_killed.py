"""SIGKILL of each kind of process, in turn, at 200 random moments under load with real clients; `KILLS` says how many instead."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from killing import KINDS, killed_under_load


def test_two_hundred_kills_lose_nothing_and_leave_no_gauge(tmp_path):
    kills = int(os.environ.get("KILLS", "200"))
    found = killed_under_load(tmp_path, kills=kills, seed=2, together=15)
    assert sum(found.kills.values()) == kills
    assert min(found.kills[kind] for kind in KINDS) >= kills // len(KINDS)
    assert min(found.finished, found.compared, found.scrapes) > 0
    assert (found.lost, found.twice, found.broken_laws) == ([], [], [])
    assert (found.gauges_of_the_dead, found.orphans) == ([], [])
