"""Migrates the evidence database between schemas. If several processes start together, only one of them migrates.

A revision that loses a row is undone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, func, inspect, select, table, text

from migration.errors import EvidenceError
from migration.evidence.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0010"
"""The newest revision in `alembic/versions`."""

_SCRIPTS = Path(__file__).parent / "alembic"
_VERSIONS = "alembic_version"
# Any constant that no other application of the same PostgreSQL database uses.
_LOCK = 0x6E65747261


def upgrade(engine: Engine) -> None:
    """Make or upgrade the tables; do nothing if they are up to date.

    Raises:
        EvidenceError: the database was made by a newer version of this tool, or a revision would lose rows; nothing was changed.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached or written.
    """
    with engine.connect() as connection:
        if revision_of(connection) == HEAD:
            return
        connection.rollback()
        with _locked(connection):
            if revision_of(connection) != HEAD:
                _move(connection, "head")


def downgrade(engine: Engine, revision: str) -> Mapping[str, int]:
    """Downgrade the schema to an older revision, and return the number of rows of each table that was dropped.

    Args:
        engine: the evidence, as the product connects to it.
        revision: an older revision, or "base" for no tables.

    Raises:
        EvidenceError: there is no such revision, it is not older, or a remaining table would lose rows; nothing was changed.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached or written.
    """
    with engine.connect() as connection, _locked(connection):
        before, current = _census(connection), revision_of(connection)
        known = _revisions(_config())
        if current not in known or revision not in (*known[known.index(current) + 1 :], "base"):
            raise EvidenceError(
                f"the evidence has schema {current}; {revision} is not an older one; use one of {', '.join(reversed(known))} or base"
            )
        _move(connection, revision, down=True)
        after = _census(connection)
        return {name: rows for name, rows in before.items() if name not in after}


def revision_of(connection: Connection) -> str | None:
    """Return the schema's revision; None: there is no schema yet."""
    if not inspect(connection).has_table(_VERSIONS):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608 - a constant
    return revision


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    """Let one process at a time change the schema, in one transaction that is undone if the block raises."""
    sqlite = connection.dialect.name == "sqlite"
    try:
        if sqlite:
            # SQLite ignores this pragma inside a transaction, and with foreign keys on, a rebuilt table deletes the rows of its children:
            # https://www.sqlite.org/lang_altertable.html#otheralter
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield
        if sqlite and (orphans := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise EvidenceError(f"{len(orphans)} rows would refer to rows that do not exist; nothing was changed; restore a backup")
        connection.commit()
    finally:
        connection.rollback()
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _move(connection: Connection, revision: str, *, down: bool = False) -> None:
    # Imported here, so that commands start 0.2 s faster if the schema is up to date.
    from alembic import command

    config, rows, current = _config(), _census(connection), revision_of(connection)
    if current is not None and current not in _revisions(config):
        raise EvidenceError(f"the evidence has schema {current}, which is newer than this tool knows ({HEAD}); install the newer tool")

    def after_each_step(*, step: Any, **_: object) -> None:  # noqa: ANN401 - Alembic's own; it has no public type
        nonlocal rows
        now = _census(connection)
        if lost := {name: rows[name] - now[name] for name in rows.keys() & now.keys() if now[name] < rows[name]}:
            what = ", ".join(f"{count} of {name}" for name, count in sorted(lost.items()))
            raise EvidenceError(f"schema {step.up_revision_id} would lose rows ({what}); nothing was changed; please report this")
        rows = now

    config.attributes |= {"connection": connection, "after_each_step": after_each_step}
    (command.downgrade if down else command.upgrade)(config, revision)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _revisions(config: "Config") -> list[str]:
    """Return all revisions, the newest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _census(connection: Connection) -> dict[str, int]:
    """Return how many rows each table of the evidence has.

    The database may be shared with run stores, whose programs remove rows at the same time.
    """
    names = [name for name in inspect(connection).get_table_names() if name in metadata.tables]
    return {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names}
