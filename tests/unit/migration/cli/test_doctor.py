"""`doctor` names what is wrong, says what to do, and fails; where all is well it says what holds."""

import json
import sys
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from migration.cli import checks, worker_checks
from migration.cli.app import app
from migration.processes.row import ProcessRow, Told
from migration.processes.table import ProcessTable
from migration.settings import MigrationSettings

FOREIGN = Path(__file__).parents[3] / "migration" / "foreign"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """The foreign project, with all files in a folder of the test."""
    for name, value in {"PROJECT": FOREIGN, "HOME": tmp_path / "home"}.items():
        monkeypatch.setenv(f"NETRA_MIGRATION_{name}", str(value))
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


def found(check):
    return checks.guarded(check, MigrationSettings())


def states(check):
    return {one.state for one in found(check)}


def one(check):
    (finding,) = found(check)
    return finding


def server(**changes):
    row = ProcessRow(
        process_id="0" * 32,
        role="server",
        host="elsewhere",
        pid=7,
        birth="elsewhere",
        started_at=0.0,
        code_version="1",
        said_at=time.time(),
    )
    return Told(row=row, age_s=0.0, state="live", noted=False) if not changes else Told(row=row, age_s=0.0, noted=False, **changes)


def test_a_project_in_order_is_healthy_and_nothing_is_written(tmp_path):
    done = CliRunner().invoke(app, ["doctor", "--json"])
    diagnosis = json.loads(done.stdout)
    assert (done.exit_code, diagnosis["healthy"]) == (0, True), done.stdout
    names = ["package", "configuration", "engines", "flags", "boundary", "worker", "stores", "clock", "metrics"]
    assert [finding["check"] for finding in diagnosis["findings"]] == names
    assert not (tmp_path / "home").exists()


def test_without_a_project_it_fails_and_names_init(tmp_path, monkeypatch):
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT")
    monkeypatch.setattr(worker_checks, "worker", lambda _settings: iter(()))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "netra-migration init" in done.stdout


def test_another_module_of_the_same_name_is_a_clash(tmp_path, monkeypatch):
    (tmp_path / "migration.py").touch()
    finding = one(checks.package)
    assert (finding.state, finding.advice) == ("wrong", "rename it")
    assert str(tmp_path / "migration.py") in finding.found


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a distribution that brings these import packages."""
    monkeypatch.syspath_prepend(tmp_path / "packages")

    def install(name, *packages):
        for package in packages:
            (tmp_path / "packages" / package).mkdir(parents=True)
            (tmp_path / "packages" / package / "__init__.py").touch()
        about = tmp_path / "packages" / f"{name.replace('-', '_')}-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (about / "RECORD").write_text("".join(f"{package}/__init__.py,,\n" for package in packages))

    return install


def test_another_installed_package_of_the_same_name_is_a_clash(installed):
    installed("schema-moves", "migration")
    assert found(checks.package)[0].found.startswith("the import package `migration` belongs to netra-strangler and schema-moves")


def test_two_owners_of_a_package_that_is_needed_are_a_clash(installed):
    installed("detect-secrets", "detect_secrets")
    assert "`detect_secrets` belongs to bc-detect-secrets and detect-secrets" in one(checks.package).found


def test_other_peoples_clashes_are_not_ours(installed):
    installed("one-jose", "jose")
    installed("another", "unheard_of")
    assert states(checks.package) == {"ok"}


def test_a_surface_whose_file_is_not_valid_is_named_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.netra-migration.surfaces]\nshop = "shop.toml"\n')
    (tmp_path / "shop.toml").write_text('surface = "shop"\nversion = "one"\n')
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(tmp_path))
    finding = one(checks.configuration)
    assert finding.state == "wrong"
    assert "shop.toml:2" in finding.found


def test_an_engine_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken_engines.py").write_text("def build(surface, origin):\n    raise ValueError('no key')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NETRA_MIGRATION_ENGINES", "broken_engines:build")
    assert [finding.found for finding in found(checks.engines)] == [
        f"broken_engines:build cannot make {origin} of support: ValueError: no key" for origin in ("control", "candidate")
    ]
    sys.modules.pop("broken_engines", None)


def test_flags_that_cannot_be_read_are_wrong(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "flags.json").write_text('{"flags": ')
    assert states(checks.flags) == {"wrong"}


def test_a_kernel_without_a_boundary_is_wrong_and_names_the_way_out(monkeypatch):
    monkeypatch.setattr("migration.shadow.boundary.boundary_gap", lambda: "Landlock")
    assert "NETRA_MIGRATION_SHADOW_BOUNDARY=interpreter" in one(worker_checks.boundary).found


def test_a_worker_that_does_not_start_is_wrong(monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_ENGINES", "helpdesk.engines:no_such_name")
    assert "ended with status" in one(worker_checks.worker).found


def test_processes_that_serve_without_a_worker_are_wrong(monkeypatch):
    monkeypatch.setattr(ProcessTable, "told", lambda _self: [server()])
    assert one(worker_checks.worker).found == "processes serve, and none of them has a shadow worker"


def test_where_failover_is_on_is_shown_and_a_surface_that_declares_nothing_for_it_is_remarked(monkeypatch):
    told = server()
    on = msgspec.structs.replace(told.row, failover={"support": True, "chat": False})
    monkeypatch.setattr(ProcessTable, "told", lambda _self: [msgspec.structs.replace(told, row=on)])
    assert [(finding.state, finding.found) for finding in found(checks.flags)][-2:] == [
        ("ok", "failover is on: control resumes runs that candidate fails on support"),
        ("remark", "support: its file has no table [failover], so control resumes a run only if no event was delivered"),
    ]


def test_a_silent_process_is_wrong(monkeypatch):
    monkeypatch.setattr(ProcessTable, "told", lambda _self: [server(state="silent")])
    assert "server 7 on elsewhere is silent" in found(worker_checks.worker)[0].found


def test_a_home_that_cannot_be_written_is_wrong(monkeypatch):
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    assert "cannot be written" in one(checks.stores).found


def test_clocks_that_differ_are_wrong(monkeypatch):
    monkeypatch.setattr(ProcessTable, "now", lambda _self: time.time() + 30.0)
    assert "+30.0 s" in one(checks.clock).found


def test_a_process_whose_clock_differs_is_named(monkeypatch):
    late = server()
    row = ProcessRow(**{name: getattr(late.row, name) for name in late.row.__struct_fields__} | {"said_at": time.time() - 60.0})
    monkeypatch.setattr(ProcessTable, "told", lambda _self: [Told(row=row, age_s=0.0, state="live", noted=False)])
    assert "the clock of server 7 on elsewhere is -60.0 s" in one(checks.clock).found


def test_a_shared_metrics_folder_that_is_not_there_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "none"))
    assert "is not a writable folder" in one(checks.metrics).found


def test_the_place_of_dashboards_and_rules_is_said():
    place = Path(one(checks.metrics).found.rpartition(" ")[2])
    assert (place / "grafana" / "rollout.json").exists()
    assert (place / "prometheus" / "rules.yml").exists()
