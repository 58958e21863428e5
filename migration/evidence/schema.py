"""Brings the evidence database to the newest schema, once, however many processes start together."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from migration.errors import EvidenceError

HEAD = "0004"
"""The newest revision in `alembic/versions`."""

_SCRIPTS = Path(__file__).parent / "alembic"
# Any constant that no other application of the same PostgreSQL database uses.
_LOCK = 0x6E65747261


def upgrade(engine: Engine) -> None:
    """Make or upgrade the tables; does nothing when they are new enough.

    Raises:
        EvidenceError: the database was made by a newer version of this tool.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached or written.
    """
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
        connection.rollback()
        _lock(connection)
        if (revision := _revision(connection)) != HEAD:
            _run_migrations(connection, revision)
        connection.commit()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _lock(connection: Connection) -> None:
    """Let one process at a time change the schema; the lock ends with the transaction."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _run_migrations(connection: Connection, revision: str | None) -> None:
    # Imported here: commands that find the schema in place start 0.2 s faster.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise EvidenceError(f"the evidence has schema {revision}, which is newer than this tool knows ({HEAD}); install the newer tool")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
