"""Migrations make what the tables say."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine, inspect

from migration.evidence import schema
from migration.evidence.tables import metadata

SCRIPTS = Path(schema.__file__).parent / "alembic"


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


def test_the_first_migration_can_be_undone(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/e.db")
    schema.upgrade(engine)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_evidence_of_the_first_tables_is_kept_when_the_newest_are_made(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/e.db")
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        first = Table("divergence_kinds", MetaData(), autoload_with=connection)
        texts = dict.fromkeys(("fingerprint", "surface", "kind", "severity", "lane", "path", "sentence", "last_verdict"), "a")
        connection.execute(first.insert().values(texts | {"first_seen_at": 1, "last_seen_at": 1, "count": 7, "examples": 0}))
    schema.upgrade(engine)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT fingerprint, count, recordings FROM divergence_kinds").all()
    engine.dispose()
    assert kept == [("a", 7, 0)]
