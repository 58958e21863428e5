"""The tables of ramps, in the migration's own database."""

from sqlalchemy import JSON, BigInteger, Column, Engine, Float, Integer, MetaData, String, Table, Text

from migration.database import make_tables
from migration.evidence import prepare_needs

metadata = MetaData()

positions = Table(
    "migration_ramp_places",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("position", JSON, nullable=False, comment="stage, percentage and cohorts"),
    Column("since", Float, nullable=False, comment="Unix seconds at which the surface was first seen here"),
    Column("approved_by", JSON, nullable=False, comment="people who approved that the surface leaves this position"),
)

rollouts = Table(
    "migration_rollouts",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False, comment="why the ramp is in this state; empty: it was started"),
    Column("ramp_name", Text, nullable=False, comment="where the ramp came from"),
    Column("ramp", Text, nullable=False, comment="TOML"),
    Column("revision", BigInteger, nullable=False, comment="rises with every change"),
    Column("at", JSON(none_as_null=True), comment="where a controller last saw the surface; null: not yet"),
    Column("since", Float, nullable=False, comment="Unix seconds at which the step of `lasted_s` was taken"),
    Column("lasted_s", Float, nullable=False, comment="seconds for which controllers have watched this step"),
    Column("looked_at", Float, nullable=False, comment="Unix seconds, when a controller last decided; 0: never"),
    Column("intent", JSON(none_as_null=True), comment="a move that may or may not have been written; null: there is none"),
    Column("decision", JSON(none_as_null=True), comment="the last decision; null: there is none yet"),
)

leases = Table(
    "migration_rollout_lease",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(160), nullable=False),
    Column("beats", Integer, nullable=False, comment="rises with every renewal"),
)


def prepare(engine: Engine) -> None:
    """Make the tables if they are missing."""
    make_tables(engine, metadata)
    prepare_needs(engine)
