"""The tables of processes and known tenants, in the migration's own database."""

from sqlalchemy import Column, Engine, Float, Index, Integer, MetaData, String, Table, Text

from migration.database import make_tables

metadata = MetaData()

processes = Table(
    "migration_processes",
    metadata,
    Column("process_id", String(32), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("birth", Text, nullable=False),
    Column("parent_id", String(32), comment="the serving process of a worker"),
    Column("seen_at", Float(53), nullable=False, comment="Unix seconds of the last row, by the database's clock"),
    Column("ended_at", Float(53), comment="Unix seconds of the process' end; null: the end is not known"),
    Column("ended", String(16), comment="stopped, died or lost"),
    Column("row", Text, nullable=False, comment="ProcessRow as JSON"),
)

known_tenants = Table(
    "migration_known_tenants",
    metadata,
    Column("tenant_id", String(256), primary_key=True),
    Column("attributes", Text, nullable=False, comment="JSON; {} if the tenant has none"),
    Column("seen_day", Integer, nullable=False, comment="days since 1970-01-01, UTC"),
    Index("ix_migration_known_tenants_day", "seen_day"),
)


def prepare(engine: Engine) -> None:
    """Create the tables if they are missing."""
    make_tables(engine, metadata)
