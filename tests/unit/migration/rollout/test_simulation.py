"""Simulated ramps end as the truth that was put in demands, and are the same for the same seed."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.rollout import World, read_ramp, simulate

SHORT = """
[gate]
soak = "1 h"
not-on = []

[[step]]
stage = "dualwrite"
percent = 100
[[step]]
stage = "shadow"
percent = 100
[[step]]
stage = "live"
percent = 100
gate.soak = "2 h"
"""


@pytest.fixture
def ramp(tmp_path):
    file = tmp_path / "ramp.toml"
    file.write_text(SHORT)
    return file


def test_a_candidate_that_hardly_diverges_completes(ramp):
    found = simulate(read_ramp(ramp), World(divergence=0.002, days=10), ramps=4, seed=1)
    assert (found.complete, found.wrong_promotion, found.needless) == (1.0, 0.0, 0.0)
    assert 0.2 < found.days_median < 5


def test_one_that_diverges_more_than_allowed_is_rolled_back(ramp):
    found = simulate(read_ramp(ramp), World(divergence=0.05, days=10), ramps=6, seed=2)
    assert (found.rolled_back, found.wrong_promotion) == (1.0, 0.0)
    assert found.stopped_at == {"shadow 100 %": 6}
    assert "More" not in found.example[0]
    assert "more than 2.00% of the runs of these tenants diverge" in found.example[0]


def test_one_that_diverges_only_where_the_shadow_does_not_see_is_never_promoted(ramp):
    found = simulate(read_ramp(ramp), World(divergence=0.05, hidden=True, days=2), ramps=6, seed=3)
    assert (found.held, found.complete, found.rolled_back) == (1.0, 0.0, 0.0)


def test_one_that_is_slower_is_held(ramp):
    assert simulate(read_ramp(ramp), World(slower=1.1, days=3), ramps=3, seed=4).complete == 0.0


def test_the_command_prints_one_document_the_same_for_the_same_seed(ramp):
    ask = ["rollout", "simulate", str(ramp), "--divergence", "0.2%", "--ramps", "2", "--days", "5", "--json"]
    first, second = (CliRunner().invoke(app, ask) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["complete"] == 1.0


@pytest.mark.parametrize("option", ["--divergence", "--shed", "--slower"])
def test_a_share_without_its_unit_is_wrong_use(ramp, option):
    found = CliRunner().invoke(app, ["rollout", "simulate", str(ramp), option, "2"])
    assert found.exit_code == 2
    assert "such as 0.5%" in found.output
