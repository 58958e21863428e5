"""The main job, end to end, as an operator starts it: real processes, real sockets, a real kill."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(420)  # a busy machine needs a few times as long as the minute that it takes alone


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of one demo, played once for all tests of this module."""
    done = subprocess.run(
        [Path(sys.executable).with_name("netra-migration"), "demo", "--json", "--keep", tmp_path_factory.mktemp("demo")],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout) | {"exit": done.returncode}


def test_everything_that_must_happen_in_the_demo_happens(report):
    assert [check["what"] for check in report["checks"] if not check["passed"]] == []
    assert report["exit"] == 0


def test_all_six_stages_serve_at_least_sixty_chats(report):
    assert {row["stage"] for row in report["runs"]} == {"off", "dualwrite", "shadow", "live", "rampdown", "complete"}
    assert sum(row["runs"] for row in report["runs"]) >= 60


def test_both_engines_are_compared_and_their_latency_is_known(report):
    assert sum(report["verdicts"].values()) == report["shadows"]["compared"] > 0
    assert {row["engine"] for row in report["latency"]} == {"control", "candidate"}


def test_a_surface_is_held_rolled_back_and_promoted_by_itself(report):
    decisions = [one["what"].removeprefix("tools: ").partition(";")[0] for one in report["ramp"]]
    assert decisions.count("rolled back to dualwrite 100 %") == 1
    back = decisions.index("rolled back to dualwrite 100 %")
    assert "holds at shadow 100 %" in decisions
    assert "promoted to live 50 %" in decisions[back:]


def test_a_killed_worker_is_started_again(report):
    assert report["shadows"]["worker_restarts"] >= 1
