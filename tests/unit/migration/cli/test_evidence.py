"""`evidence downgrade`: a backup first, then the older schema."""

import sqlite3
import stat
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from migration.cli.app import app
from migration.evidence.database import Database


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    database = Database(f"sqlite:///{tmp_path}/evidence.db")
    with database.transaction("fill") as connection:
        connection.exec_driver_sql("INSERT INTO strata_sets VALUES ('a', '[]')")
    database.close()
    return tmp_path


def evidence(*words: str) -> Result:
    return CliRunner().invoke(app, ["evidence", *words])


def one(file: Path, query: str) -> object:
    with sqlite3.connect(file) as connection:
        return connection.execute(query).fetchone()[0]


def test_the_rows_that_an_older_schema_has_no_table_for_are_in_the_backup_and_that_is_said(home):
    done = evidence("downgrade", "0003", "--backup", str(home / "before.db"))
    assert "strata_sets does not exist in schema 0003: its 1 rows are only in the backup" in done.stderr
    assert one(home / "before.db", "SELECT count(*) FROM strata_sets") == 1
    assert one(home / "evidence.db", "SELECT version_num FROM alembic_version") == "0003"


def test_the_backup_is_its_owners_alone(home):
    evidence("downgrade", "0003", "--backup", str(home / "before.db"))
    assert stat.S_IMODE((home / "before.db").stat().st_mode) == 0o600


def test_without_a_backup_nothing_is_changed(home):
    (home / "before.db").write_text("somebody's")
    before = one(home / "evidence.db", "SELECT version_num FROM alembic_version")
    refused = evidence("downgrade", "0003", "--backup", str(home / "before.db"))
    assert (refused.exit_code, "name another file with --backup" in refused.stderr) == (2, True)
    assert one(home / "evidence.db", "SELECT version_num FROM alembic_version") == before
