"""The tables of the history, in the migration's own database."""

from sqlalchemy import BigInteger, Column, Engine, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from migration.database import make_tables

metadata = MetaData()

entries = Table(
    "migration_history",
    metadata,
    # SQLite numbers rows automatically only in columns of the type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Float(53), nullable=False, comment="Unix seconds"),
    Column("who", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("surface", String(64), nullable=False),
    Column("what", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("flag", String(256), nullable=False),
    Column("version_before", BigInteger),
    Column("version_after", BigInteger),
    Column("seen", Text, nullable=False),
    Column("fence", String(64), comment="entries about the same event have the same fence; null: only one process can write it"),
    UniqueConstraint("fence", name="uq_migration_history_fence"),
    Index("ix_migration_history_flag", "source", "flag", "version_after"),
)

names = Table(
    "migration_history_names",
    metadata,
    Column("digest", String(16), primary_key=True),
    Column("tenant_id", Text, nullable=False, comment="the row is removed when the tenant is erased; the history keeps the digest"),
)

_REFUSAL = "the history is append-only"


def prepare(engine: Engine) -> None:
    """Create the tables if they are missing, and make the database refuse every change of written entries."""
    make_tables(engine, metadata, rules=lambda connection: _sqlite() if connection.dialect.name == "sqlite" else _postgres())


def _sqlite() -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    return [
        f"CREATE TRIGGER IF NOT EXISTS {entries.name}_no_{verb.lower()} BEFORE {verb} ON {entries.name} {refusal}"
        for verb in ("UPDATE", "DELETE")
    ]


def _postgres() -> list[str]:
    refuse = f"{entries.name}_refuse()"
    function = f"CREATE OR REPLACE FUNCTION {refuse} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    when = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {entries.name}"
    trigger = f"CREATE OR REPLACE TRIGGER {entries.name}_append_only {when} FOR EACH STATEMENT EXECUTE FUNCTION {refuse}"
    return [function, trigger]
