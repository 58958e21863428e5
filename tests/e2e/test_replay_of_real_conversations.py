"""A hundred recorded conversations of a real agent, turn by turn through both engines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONVERSATIONS = ROOT.parent / "shared" / "data" / "airline_trajectories.jsonl.gz"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    if not CONVERSATIONS.exists():
        pytest.skip("the recorded conversations are not beside this checkout (../shared/data)")
    done = subprocess.run(
        [Path(sys.executable).with_name("netra-migration"), "replay", CONVERSATIONS, "--json"],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        cwd=ROOT,
        env={"NETRA_MIGRATION_HOME": str(tmp_path_factory.mktemp("home")), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout) | {"exit": done.returncode}


def test_every_turn_that_is_answered_is_a_run(report):
    assert report["runs"] == 657
    assert {skipped["reason"].partition(" is ")[2] for skipped in report["skipped"]} == {"not answered"}


def test_nothing_goes_out(report):
    effects = report["effects"]
    assert effects["performed_by_shadow"] == 0
    assert effects["replayed"] == 2 * effects["recorded"] > 0


def test_every_divergence_is_explained_and_nothing_is_inconclusive(report):
    assert report["inconclusive"] == []
    assert [found for found in report["divergences"] if found["verdict"] == "divergent"] == []
    assert report["verdicts"]["divergent"] == report["verdicts"]["inconclusive"] == 0
    assert report["exit"] == 0
