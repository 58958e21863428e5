"""How many more runs gates need: written with their decisions, read by serving processes."""

from contextlib import closing

import pytest

from migration.evidence.needs import GateNeeds, need_of
from migration.rollout.store import RolloutStore
from migration.settings import MigrationSettings


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path, surfaces=("chat",))


def test_a_need_grows_with_the_runs_that_are_missing():
    assert need_of(0) == 0.0
    assert 0.0 < need_of(10) < need_of(300) == 0.5 < need_of(30_000) < need_of(None) == 1.0


def test_what_a_gate_decided_last_is_read_and_forgotten_after_ten_minutes(settings):
    now = [1000.0]
    with closing(GateNeeds(settings, clock=lambda: now[0])) as needs:
        assert needs.read() == {}
        with closing(RolloutStore.of_settings(settings)) as store:
            store.need("chat", 300, 999.0)
            store.need("chat", 0, 1000.0)
            store.need("batch", None, 1000.0)
        assert needs.read() == {"chat": 0.0, "batch": 1.0}
        now[0] = 1601.0
        assert needs.read() == {}
