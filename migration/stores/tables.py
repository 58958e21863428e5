"""The tool's own tables about run stores."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

_ID = 256

metadata = MetaData()

outbox = Table(
    "outbox",
    metadata,
    # SQLite numbers rows by itself only in columns of the type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("store", String(16), nullable=False, comment="where the run has to go"),
    Column("alone", Boolean, nullable=False, comment="true: no other store was to be written"),
    Column("surface", String(64), nullable=False),
    Column("tenant_id", String(_ID), nullable=False),
    Column("user_id", String(_ID), nullable=False),
    Column("thread_id", String(_ID), nullable=False),
    Column("run", LargeBinary, nullable=False, comment="StoredRun as a MessagePack array"),
    Column("added_at", Float(53), nullable=False, comment="Unix seconds"),
    Column("due_at", Float(53), nullable=False, comment="Unix seconds; until then somebody else has it, or it rests"),
    Column("refusals", Integer, nullable=False, comment="how often the store refused it"),
    Column("error", Text, comment="why the last try failed; null: none did"),
    Column("parked_at", Float(53), comment="Unix seconds; null: it is still tried"),
    Index("ix_outbox_due", "store", "parked_at", "due_at"),
    Index("ix_outbox_thread", "tenant_id", "user_id", "thread_id"),
)

#: Whose runs a store lacks, or may lack: some were written to the other store alone.
gaps = Table(
    "gaps",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("tenant_id", String(_ID), primary_key=True),
    Column("store", String(16), primary_key=True),
    Column("begun", BigInteger, nullable=False, comment="writes without this store that began"),
    Column("ended", BigInteger, nullable=False, comment="of these, those that ended"),
    Column("touched_at", Float(53), nullable=False, comment="Unix seconds of the last one"),
)

passes = Table(
    "passes",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("store", String(16), primary_key=True),
    Column("after", JSON(none_as_null=True), comment="key of the run copied last; null: at the beginning"),
    Column("copied", BigInteger, nullable=False, comment="runs copied since the beginning"),
    Column("verified_at", Float(53), comment="Unix seconds; null: never yet"),
)
