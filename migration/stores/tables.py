"""The migration's own tables about run stores."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

_ID = 256

metadata = MetaData()

outbox = Table(
    "outbox",
    metadata,
    # SQLite numbers rows automatically only in columns of the type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("store", String(16), nullable=False, comment="the store that must get the run"),
    Column("alone", Boolean, nullable=False, comment="true: the plan writes to no other store"),
    Column("surface", String(64), nullable=False),
    Column("tenant_id", String(_ID), nullable=False),
    Column("user_id", String(_ID), nullable=False),
    Column("thread_id", String(_ID), nullable=False),
    Column("run", LargeBinary, nullable=False, comment="StoredRun as a MessagePack array"),
    Column("added_at", Float(53), nullable=False, comment="Unix seconds"),
    Column("due_at", Float(53), nullable=False, comment="Unix seconds; until then another process has the row, or its next try is not due"),
    Column("refusals", Integer, nullable=False, comment="number of times that the store refused the run"),
    Column("error", Text, comment="why the last try failed; null: no try failed"),
    Column("parked_at", Float(53), comment="Unix seconds at which the row was parked; null: it is still tried"),
    Index("ix_outbox_due", "store", "parked_at", "due_at"),
    Index("ix_outbox_thread", "tenant_id", "user_id", "thread_id"),
)

#: The tenants with runs that a store lacks or may lack, because they were written to the other store alone.
gaps = Table(
    "gaps",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("tenant_id", String(_ID), primary_key=True),
    Column("store", String(16), primary_key=True),
    Column("begun", BigInteger, nullable=False, comment="number of writes without this store that began"),
    Column("ended", BigInteger, nullable=False, comment="number of these writes that ended"),
    Column("touched_at", Float(53), nullable=False, comment="Unix seconds of the last write"),
)

passes = Table(
    "passes",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("store", String(16), primary_key=True),
    Column("after", JSON(none_as_null=True), comment="key of the run copied last; null: at the beginning"),
    Column("copied", BigInteger, nullable=False, comment="number of runs copied since the beginning"),
    Column("verified_at", Float(53), comment="Unix seconds; null: never yet"),
)

#: What a verified backfill proves, and the last check of it.
proofs = Table(
    "proofs",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("store", String(16), primary_key=True),
    Column("identity", String(64), nullable=False, comment="digest of the store's address; empty: the backend gives none"),
    Column("runs", BigInteger, nullable=False, comment="number of runs that the store had at least"),
    Column("checked_at", Float(53), nullable=False, comment="Unix seconds of the last check that succeeded"),
    Column("claimed_at", Float(53), nullable=False, comment="Unix seconds at which a process last began a check"),
    Column("refused", Text, comment="why the proof does not hold any more; null: it holds"),
)

#: The number of runs of each engine, serving or shadowing. It shows whether control still runs before it is removed.
tombstones = Table(
    "tombstones",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970-01-01, UTC, when the run began"),
    Column("stage", String(16), primary_key=True),
    Column("origin", String(16), primary_key=True, comment="the engine that ran"),
    Column("runs", BigInteger, nullable=False),
    Column("last_at", Float(53), nullable=False, comment="Unix seconds when the last of them began"),
)

#: Days on which a counting process was running, even if there were no runs.
watched_days = Table(
    "watched_days",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970-01-01, UTC"),
    Column("last_at", Float(53), nullable=False, comment="Unix seconds of the last such record"),
)
