"""What Prometheus gets about processes, tenants, history, disk, ledger and certificate, and what it gets when these cannot be read."""

import json
import math
import os

import pytest
from following import Following, at
from prometheus_client import CollectorRegistry

from migration.errors import LedgerError
from migration.history import Entry, History
from migration.processes.all_facts import OnceRampsExist
from migration.processes.facts import Facts
from migration.processes.fleet_gauges import HistoryGauges, ProcessGauges, WatchedStages
from migration.processes.identity import own_birth, this_host
from migration.processes.release import note_release
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable
from migration.processes.upkeep_gauges import CERTIFICATE, CertificateGauge, DiskGauges, LedgerGauges
from migration.rollout.store import RolloutStore
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics

DAY_S = 86_400.0
NOON = 1_800_000_000.0  #: 2027-01-15 08:00 UTC


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    return MigrationSettings(home=tmp_path, project=tmp_path, surfaces=("chat",), ledger_dir=tmp_path / "ledger")


@pytest.fixture
def metrics():
    return Metrics(registry=CollectorRegistry(), surfaces=["chat"], watch_tenants=["acme", "globex"])


@pytest.fixture
def value(metrics):
    return lambda name, **labels: metrics.registry.get_sample_value(name, labels)


def row(name: str, version: int, **more) -> ProcessRow:
    return ProcessRow(
        process_id=name,
        role="server",
        host=this_host(),
        pid=os.getpid(),
        birth=own_birth(),
        started_at=1.0,
        code_version="1",
        said_at=1.0,
        flags_source="file:flags.json",
        flags_version=version,
        **more,
    )


def test_a_process_that_does_not_follow_the_last_edit_is_counted(settings, metrics, value):
    table = ProcessTable(settings.evidence())
    table.beat([row("one", 7), row("two", 7), row("three", 6)])
    gauges = ProcessGauges(settings, metrics)
    gauges.show()
    assert value("migration_processes", role="server", state="live") == 3
    assert value("migration_processes", role="server", state="silent") == 0
    assert value("migration_processes_behind") == 1
    gauges.close()
    table.close()


def test_known_tenants_are_shown_by_the_newest_count_and_are_unknown_without_one(settings, metrics, value):
    table = ProcessTable(settings.evidence())
    gauges = ProcessGauges(settings, metrics)
    table.beat([row("one", 7)])
    gauges.show()
    assert math.isnan(value("migration_tenants", surface="chat", stage="live"))
    table.beat([row("one", 7, counted_at=5.0, stage_counts={"chat": {"live": 3}}), row("two", 7, counted_at=4.0, stage_counts={})])
    gauges.show()
    assert value("migration_tenants", surface="chat", stage="live") == 3
    assert value("migration_tenants", surface="chat", stage="shadow") == 0
    gauges.close()
    table.close()


def test_a_watched_tenant_is_at_one_stage(metrics, value):
    flags = Following(at("off", pins={"acme": "live"}))
    WatchedStages(flags, metrics).show()
    stages = {
        tenant: [value("migration_tenant_stage", surface="chat", tenant=tenant, stage=stage) for stage in ("off", "live")]
        for tenant in ("acme", "globex")
    }
    assert stages == {"acme": [0, 1], "globex": [1, 0]}
    flags.close()


def test_the_history_is_counted_by_kind_and_every_kind_begins_with_0(settings, metrics, value):
    history = History(settings.evidence())
    gauges = HistoryGauges(settings, metrics)
    gauges.show()
    assert value("migration_history_entries", surface="chat", kind="promotion") == 0
    assert math.isnan(value("migration_history_last_timestamp_seconds", surface="chat", kind="promotion"))
    history.append(Entry(kind="promotion", surface="chat", what="chat: promoted", at=50.0))
    history.append(Entry(kind="promotion", surface="chat", what="chat: promoted", at=60.0))
    history.append(Entry(kind="process_died", what="server 1 died", at=70.0))
    gauges.show()
    assert value("migration_history_entries", surface="chat", kind="promotion") == 2
    assert value("migration_history_last_timestamp_seconds", surface="chat", kind="promotion") == 60
    assert value("migration_history_entries", surface="", kind="process_died") == 1
    gauges.close()
    history.close()


def test_a_release_is_recorded_once_and_again_after_another_version(settings, monkeypatch):
    history = History(settings.evidence())
    for version in ("1", "1", "2", "1"):
        monkeypatch.setattr("migration.processes.release.code_version", lambda version=version: version)
        note_release(history, "server 1 on here")
    said = [entry.what for entry in reversed(history.entries())]
    assert said == ["version 1 began to serve", "version 2 began to serve", "version 1 began to serve"]
    history.close()


def test_the_next_accepted_divergence_to_expire_is_shown_in_seconds(settings, metrics, value):
    settings.ledger_dir.mkdir()
    entry = '[[accepted]]\nid = "{}"\nreason = "r"\nowner = "o"\nfingerprint = "{}"\n{}\n'
    lines = [("a", "0" * 12, "expires = 2027-01-18"), ("b", "1" * 12, "permanent = true"), ("c", "2" * 12, "expires = 2027-02-01")]
    (settings.ledger_dir / "chat.toml").write_text("".join(entry.format(*line) for line in lines))
    LedgerGauges(settings, metrics, lambda: NOON).show()
    assert value("migration_ledger_remaining_seconds", surface="chat") == 3 * DAY_S
    terms = [value("migration_ledger_entries", surface="chat", term=term) for term in ("permanent", "temporary", "expired")]
    assert terms == [1, 2, 0]


def test_a_ledger_without_entries_never_expires(settings, metrics, value):
    LedgerGauges(settings, metrics, lambda: NOON).show()
    assert math.isnan(value("migration_ledger_remaining_seconds", surface="chat"))


def test_the_certificate_of_the_project_says_how_long_it_is_valid(settings, metrics, value, tmp_path):
    gauge = CertificateGauge(settings, metrics, lambda: NOON)
    gauge.show()
    assert math.isnan(value("migration_certificate_remaining_seconds"))
    (tmp_path / CERTIFICATE).write_text(json.dumps({"certificate": {"expires_at": NOON + DAY_S, "surfaces": []}, "signature": "x"}))
    gauge.show()
    assert value("migration_certificate_remaining_seconds") == DAY_S


def test_the_disk_of_the_migration_is_measured(settings, metrics, value):
    DiskGauges(settings, metrics).show()
    assert 0 <= value("migration_disk_free_bytes") <= value("migration_disk_size_bytes")
    assert math.isnan(value("migration_evidence_bytes"))


def test_what_cannot_be_read_is_unknown_and_said_once(settings, metrics, value, caplog):
    settings.ledger_dir.mkdir()
    (settings.ledger_dir / "chat.toml").write_text("not TOML")
    facts = Facts(metrics, {"ledger": LedgerGauges(settings, metrics, lambda: NOON), "disk": DiskGauges(settings, metrics)})
    facts.look()
    facts.look()
    assert value("migration_facts_up", source="ledger") == 0
    assert value("migration_facts_up", source="disk") == 1
    assert math.isnan(value("migration_ledger_entries", surface="chat", term="permanent"))
    assert len([record for record in caplog.records if "ledger cannot be read" in record.getMessage()]) == 1
    (settings.ledger_dir / "chat.toml").write_text("")
    facts.look()
    assert value("migration_facts_up", source="ledger") == 1
    facts.stop()


def test_an_unreadable_ledger_is_an_error_with_its_place(settings, metrics):
    settings.ledger_dir.mkdir()
    (settings.ledger_dir / "chat.toml").write_text("not TOML")
    with pytest.raises(LedgerError, match=r"chat\.toml"):
        LedgerGauges(settings, metrics, lambda: NOON).show()


def test_gauges_without_labels_are_unknown_before_they_are_read(value, metrics):
    names = ("processes_behind", "controller_age_seconds", "certificate_remaining_seconds", "disk_free_bytes", "evidence_bytes")
    assert metrics.surfaces == ("chat",)
    assert all(math.isnan(value(f"migration_{name}")) for name in names)


def test_the_code_of_ramps_is_loaded_when_the_first_ramp_exists(settings):
    loaded = []

    class Ramps:
        def show(self):
            loaded.append("shown")

        hide = close = show

    facts = OnceRampsExist(settings, Ramps)
    facts.show()
    assert loaded == []
    RolloutStore(settings.evidence()).rollouts()
    facts.show()
    assert loaded == ["shown"]
    facts.close()
