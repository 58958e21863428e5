"""Migrations make what the tables say, and lose no row on the way, up or down."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, create_engine, func, inspect, select, text

from migration.errors import EvidenceError
from migration.evidence import schema
from migration.evidence.database import Database
from migration.evidence.tables import metadata

SCRIPTS = Path(schema.__file__).parent / "alembic"
#: The newest first.
REVISIONS = [script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The product's own connections, on which foreign keys hold, to a database with two rows in every table."""
    database = Database(f"sqlite:///{tmp_path}/e.db")
    with database.transaction("fill") as connection:
        fill(connection)
    yield database.engine
    database.close()


def fill(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        for row in (1, 2):
            connection.execute(table.insert().values({column.name: value(column, row) for column in table.columns}))


def value(column: Column, row: int) -> object:
    return (
        row
        if column.type.python_type in {int, float}
        else bool(row)
        if column.type.python_type is bool
        else b"x"
        if column.type.python_type is bytes
        else str(row)
    )


def census(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        return {name: connection.execute(select(func.count()).select_from(text(name))).scalar_one() for name in names}


def test_migrations_and_tables_agree(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/e.db")
    schema.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_current_head() == schema.HEAD


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_every_row_of_a_table_that_stays_is_there_after_the_way_down_and_up_again(engine, revision):
    full = census(engine)
    dropped = schema.downgrade(engine, revision)
    assert census(engine) == {name: rows for name, rows in full.items() if name not in dropped}
    schema.upgrade(engine)
    assert census(engine) == {name: 0 if name in dropped else rows for name, rows in full.items()}


def test_going_back_one_schema_keeps_occurrences_and_recordings(engine):
    schema.downgrade(engine, "0003")
    assert (census(engine)["occurrences"], census(engine)["recordings"]) == (2, 2)


def test_foreign_keys_hold_again_afterwards(engine):
    schema.downgrade(engine, "0003")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_going_back_to_the_beginning_leaves_no_table_and_says_how_many_rows_each_had(engine):
    assert schema.downgrade(engine, "base") == dict.fromkeys(metadata.tables, 2)
    assert census(engine) == {}


@pytest.mark.parametrize("revision", [schema.HEAD, "9999", "head"])
def test_only_an_older_schema_can_be_gone_back_to(engine, revision):
    with pytest.raises(EvidenceError, match="not an older one; use one of 0001, 0002, 0003, 0004, 0005"):
        schema.downgrade(engine, revision)


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Puts another downgrade into a copy of the newest revision."""

    def put(body: str) -> None:
        copy = shutil.copytree(SCRIPTS, tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
        script = copy / "versions" / "strata.py"
        script.write_text(script.read_text().partition("def downgrade")[0] + f"def downgrade() -> None:\n{body}")
        monkeypatch.setattr(schema, "_SCRIPTS", copy)

    return put


def test_a_revision_that_loses_rows_is_undone_and_reported(engine, plant):
    full = census(engine)
    plant("    op.execute('DELETE FROM occurrences WHERE id = 1')\n")
    with pytest.raises(EvidenceError, match=r"0004 would lose rows \(1 of occurrences\); nothing was changed"):
        schema.downgrade(engine, "0003")
    assert census(engine) == full


def test_rows_that_another_program_removes_meanwhile_are_not_the_evidences(engine, plant):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE outbox AS SELECT 1 AS id"))
    plant("    op.execute('DELETE FROM outbox')\n")
    schema.downgrade(engine, "0003")
    with engine.connect() as connection:
        assert schema.revision_of(connection) == "0003"


def test_a_revision_that_makes_a_parent_table_anew_keeps_its_children(engine, plant):
    plant("    with op.batch_alter_table('comparisons', recreate='always') as table:\n        table.drop_column('strata')\n")
    schema.downgrade(engine, "0003")
    assert (census(engine)["occurrences"], census(engine)["recordings"]) == (2, 2)


def test_a_revision_that_leaves_children_without_their_parent_is_undone_and_reported(engine, plant):
    full = census(engine)
    plant("    op.execute('UPDATE comparisons SET id = 7 WHERE id = 1')\n")
    with pytest.raises(EvidenceError, match="2 rows would refer to rows that do not exist; nothing was changed"):
        schema.downgrade(engine, "0003")
    assert census(engine) == full


def test_evidence_of_a_newer_tool_is_left_alone(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(EvidenceError, match="9999, which is newer than this tool knows"):
        schema.upgrade(engine)
