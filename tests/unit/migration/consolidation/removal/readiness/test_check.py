"""All criteria together, on real databases: ready when all are met, and not ready for any single reason."""

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from migration.consolidation.removal.readiness.check import RemovalCheck
from migration.consolidation.removal.readiness.criteria import CRITERIA
from migration.errors import ConfigurationError, StoreUnavailableError, UnknownSurfaceError
from migration.model import Stage
from tests.unit.migration.flags.making import at


@pytest.fixture
def check(tree, production, now):
    def run(surface="chat", at=now, **changes):
        settings = replace(production.settings, **changes)
        (found,) = RemovalCheck(root=tree.root, manifest=tree.manifest, settings=settings, now=at).readiness([surface])
        return found

    return run


def test_a_surface_that_is_done_is_ready_and_every_criterion_says_what_was_seen(check):
    found = check()
    assert [(one.name, one.detail) for one in found.unmet] == []
    assert found.ready
    assert tuple(one.name for one in found.criteria) == CRITERIA
    assert all(one.detail.endswith(".") and one.evidence for one in found.criteria)


def _lock(production, tree):
    (production.home / "stores.db").unlink()
    (production.home / "stores.db").mkdir()


BREAKS = {
    "a tenant is at another stage": (
        {"complete"},
        lambda production, tree: production.move(
            at("complete", contextTargets=[{"contextKind": "tenant", "variation": 4, "values": ["acme"]}])
        ),
    ),
    "the flags cannot be read": ({"complete"}, lambda production, tree: (production.home / "flags.json").write_text("{")),
    "has no flags yet": ({"complete"}, lambda production, tree: (production.home / "flags.json").unlink()),
    "the candidate ran at rampdown": ({"complete"}, lambda production, tree: production.ran(Stage.RAMPDOWN, 3)),
    "control shadowed": ({"complete", "no_legacy_run"}, lambda production, tree: production.ran(Stage.LIVE, 0)),
    "control served a fortnight ago": ({"complete", "no_legacy_run"}, lambda production, tree: production.ran(Stage.OFF, 14)),
    "the legacy store has a run that nobody counted": (
        {"no_legacy_run"},
        lambda production, tree: production.legacy.add("r-1", production.now - 86_400),
    ),
    "the legacy store is gone": (
        {"no_legacy_run", "backfill"},
        lambda production, tree: setattr(production.legacy, "error", StoreUnavailableError("gone")),
    ),
    "the backend cannot be opened": (
        {"no_legacy_run", "backfill"},
        lambda production, tree: setattr(production.legacy, "error", OSError("gone")),
    ),
    "the stores' database is gone": (
        {"complete", "no_legacy_run", "backfill"},
        lambda production, tree: (production.home / "stores.db").unlink(),
    ),
    "the stores' database is not a database": ({"complete", "no_legacy_run", "backfill"}, _lock),
    "the evidence is gone": ({"processes", "strata"}, lambda production, tree: (production.home / "evidence.db").unlink()),
    "the evidence is not a database": (
        {"processes", "strata"},
        lambda production, tree: (production.home / "evidence.db").write_bytes(b"x" * 4096),
    ),
    "a server has control": ({"processes"}, lambda production, tree: production.reports(surfaces=["chat"])),
    "runs diverge": ({"strata"}, lambda production, tree: production.compared(200, divergent=100)),
    "something is accepted for a time": (
        {"ledger"},
        lambda production, tree: tree.write(
            "ledger/chat.toml", '[[accepted]]\nid="a"\nfingerprint="0123456789ab"\nreason="r"\nowner="o"\nexpires=2099-01-01\n'
        ),
    ),
    "the ledger is not a ledger": ({"ledger"}, lambda production, tree: tree.write("ledger/chat.toml", "[[")),
    "a module imports control": (
        {"consumers"},
        lambda production, tree: tree.write("pkg/a.py", "from pkg.engine import ExecutionEngine\n"),
    ),
    "a file cannot be understood": ({"consumers"}, lambda production, tree: tree.write("pkg/a.py", "def ExecutionEngine(:\n")),
    "a string names control": ({"strings"}, lambda production, tree: tree.write("a.yaml", "engine: pkg.engine.ExecutionEngine\n")),
    "a module inherits from control through a module that only re-exports it": (
        {"consumers"},
        lambda production, tree: (
            tree.write("pkg/offer.py", 'from pkg.engine import ExecutionEngine as Base\n\n__all__ = ["Base"]\n'),
            tree.write("pkg/late.py", "from pkg.offer import Base\n\n\nclass Late(Base): ...\n"),
        ),
    ),
    "the audit does not look everywhere": (
        {"eyesight"},
        lambda production, tree: tree.write(
            "pyproject.toml", (tree.root / "pyproject.toml").read_text().replace("audit]", 'audit]\nexclude = ["pkg/planted*"]')
        ),
    ),
    "a module reads the flag": ({"flags"}, lambda production, tree: tree.write("pkg/a.py", 'KEY = "execution-engine-chat"\n')),
    "the user store has fewer runs than it had": ({"backfill"}, lambda production, tree: production.proved(runs=1)),
    "the user store has a gap": ({"backfill"}, lambda production, tree: production.gap()),
}


@pytest.mark.parametrize("reason", BREAKS)
def test_any_single_reason_makes_the_surface_not_ready(check, production, tree, reason):
    unmet, break_it = BREAKS[reason]
    break_it(production, tree)
    found = check()
    assert {one.name for one in found.unmet} == unmet
    assert not found.ready


def test_every_criterion_is_broken_by_one_of_these_reasons():
    assert set().union(*(unmet for unmet, _ in BREAKS.values())) == set(CRITERIA)


def test_a_run_before_the_days_looked_back_on_is_forgotten(check, production):
    production.ran(Stage.OFF, 15)
    production.legacy.add("r-1", production.now - 15 * 86_400)
    assert check().ready


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_at_midnight_a_run_counts_for_one_more_day_at_most(check, production, now, seconds):
    """A run of the first day looked back on makes it too early until that day is out of sight."""
    production.ran(Stage.OFF, 14)
    midnight = (now // 86_400 + 1) * 86_400
    production.now = midnight + seconds
    production.ran(Stage.COMPLETE, 0)
    assert check(at=midnight + seconds).ready is (seconds >= 0)


def test_a_day_that_nobody_watched_is_told(check, now):
    """Two days later nobody has counted on the day in between."""
    found = check(at=now + 2 * 86_400)
    assert {one.name for one in found.unmet} == {"complete", "no_legacy_run"}
    assert "Not watched on 1 of 14 days (2024-10-19)" in found.unmet[0].detail


def test_the_legacy_store_is_not_read_while_the_tombstones_say_no_already(check, production):
    production.ran(Stage.OFF, 1)
    production.legacy.error = AssertionError("it was read")
    assert not check().ready


def test_a_backend_that_keeps_no_runs_has_no_second_witness_and_no_history(check):
    assert check(stores="").ready


def test_a_surface_that_the_settings_do_not_name_is_at_off(check):
    assert "0 %" in check("tools").criteria[0].detail


def test_wrong_addresses_are_wrong_use_and_no_answer(check):
    with pytest.raises(ConfigurationError):
        check(evidence_url="mysql://nowhere/x")
    with pytest.raises(UnknownSurfaceError):
        check("chta")


def test_checking_changes_no_database(check, production):
    def dump(name):
        with closing(sqlite3.connect(production.home / name)) as database:
            return list(database.iterdump())

    before = [dump(name) for name in ("stores.db", "evidence.db")]
    check()
    assert [dump(name) for name in ("stores.db", "evidence.db")] == before
