"""Runs whose counts died with their process are found in the backend's own legacy store."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from migration.consolidation.removal.readiness.witness import legacy_runs_since
from migration.errors import StoreUnavailableError
from migration.model import Stage
from migration.settings import MigrationSettings
from migration.stores import StoresDatabase, watch_now
from netra_backend.app.execution import open_run_stores

CHILD = Path(__file__).with_name("run_store_child.py")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_JWT_SECRET", "s" * 32)
    return tmp_path


@pytest.mark.parametrize(("stage", "found"), [(Stage.OFF, 3), (Stage.DUALWRITE, 3), (Stage.COMPLETE, 0)])
def test_what_a_killed_process_never_counted_is_in_the_legacy_store_at_every_stage_but_complete(home, stage, found):
    store = "user" if stage is Stage.COMPLETE else "legacy"
    command = [sys.executable, CHILD, home, stage.value, store, "after", "3"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == -9
    database = StoresDatabase(MigrationSettings(home=home).outbox())
    assert watch_now(database, "chat", days=1, now=time.time()).of(stages=[stage]) == ()
    database.close()
    assert legacy_runs_since(open_run_stores, "chat", 0.0).runs == found
    assert legacy_runs_since(open_run_stores, "tools", 0.0).runs == 0


def test_only_runs_since_the_day_that_is_asked_for_count(home):
    subprocess.run([sys.executable, CHILD, home, "off", "legacy", "after", "3"], check=False, capture_output=True, timeout=60)
    witnessed = legacy_runs_since(open_run_stores, "chat", 1.0)  # the child's runs begin at second 0, 1, 2
    assert (witnessed.runs, witnessed.last_at) == (2, 2.0)


def test_a_legacy_store_that_cannot_be_read_is_no_witness(home):
    (home / "netra.db").mkdir()
    with pytest.raises(StoreUnavailableError):
        legacy_runs_since(open_run_stores, "chat", 0.0)
