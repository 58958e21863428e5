"""The tables of the evidence store. `alembic/versions` makes them; a test compares the two."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# SQLite numbers rows by itself only in columns of the type INTEGER.
_RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("surface", String(64), nullable=False),
    Column("run_id", String(160), nullable=False),
    Column("shadows", String(16), nullable=False, comment="origin that ran as the shadow"),
    Column("serving", String(16), nullable=False, comment="origin whose events the user saw"),
    Column("tenant_id", String(160), nullable=False),
    Column("user_digest", String(64), nullable=False, comment="shape and digest; user ids may be personal"),
    Column("thread_id", String(160), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reasons", JSON, nullable=False, comment="why it is inconclusive; [] otherwise"),
    Column("divergence_count", Integer, nullable=False),
    Column("control_duration_s", Float, nullable=False),
    Column("control_effect_s", Float, nullable=False),
    Column("control_first_event_s", Float, comment="null: no event came"),
    Column("candidate_duration_s", Float, nullable=False),
    Column("candidate_effect_s", Float, nullable=False),
    Column("candidate_first_event_s", Float, comment="null: no event came"),
    Column("effects_recorded", Integer, nullable=False),
    Column("effects_replayed", Integer, nullable=False),
    Column("effects_missing", Integer, nullable=False),
    Column("effects_performed_by_shadow", Integer, nullable=False),
    Column("trace_id", String(32), comment="of the served run; null: not traced"),
    Column("span_id", String(16), comment="of the served run; the shadow's span links to it"),
    Column("shadow_trace_id", String(32), comment="null: not traced"),
    Column("received_at", Float, nullable=False, comment="Unix seconds"),
    Column("compared_at", Float, nullable=False, comment="Unix seconds"),
    Column("strata", String(16), comment="set of the served run; null: compared before there were any"),
    Column("touched", String(16), comment="set that divergences touch; null: none"),
    Column("control_longest_gap_s", Float, comment="null: fewer than two events came, or compared before it was kept"),
    Column("candidate_longest_gap_s", Float, comment="null: fewer than two events came, or compared before it was kept"),
    Column("control_outcome", String(16), comment="null: compared before it was kept"),
    Column("candidate_outcome", String(16), comment="null: compared before it was kept"),
    Column("severities", String(96), comment="of unaccepted divergences, by name, with commas; null: there are none"),
    Column("breach", Boolean, comment="true: somebody else's data was found; null: it was not"),
    Column("basis", String(16), comment="what it was made with; null: not known"),
    Column("probability", Float, comment="with which the run was drawn for shadowing; null: 1"),
    UniqueConstraint("surface", "run_id", "shadows"),
    Index(None, "surface", "verdict", "compared_at"),
    Index(None, "compared_at"),
)

bases = Table(
    "bases",
    metadata,
    Column("id", String(16), primary_key=True, comment="digest of the rest"),
    Column("policy", String(64), nullable=False, comment="digest"),
    Column("ledger", String(64), nullable=False, comment="digest"),
    Column("build", String(128), nullable=False, comment="of the engines; empty: not known"),
    Column("tool", String(64), nullable=False, comment="version"),
)

unseen_runs = Table(
    "unseen_runs",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("surface", String(64), nullable=False),
    Column("tenant_id", String(160), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("strata", String(16), comment="set of the served run; null: not known"),
    Column("reason", String(32), nullable=False, comment="why there is no comparison"),
    Column("runs", Integer, nullable=False),
    Column("at", Float, nullable=False, comment="Unix seconds, when they were counted"),
    Column("probability", Float, comment="with which the runs were drawn for shadowing; null: 1"),
    Index(None, "at"),
)

standings = Table(
    "standings",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("step", String(160), primary_key=True, comment="of a ramp"),
    Column("mark", String(32), nullable=False, comment="changes with every write"),
    Column("state", LargeBinary, nullable=False, comment="counts of what was read so far; can be made again from the other tables"),
)

divergence_kinds = Table(
    "divergence_kinds",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("surface", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("lane", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("first_seen_at", Float, nullable=False, comment="Unix seconds"),
    Column("last_seen_at", Float, nullable=False, comment="Unix seconds"),
    Column("count", BigInteger, nullable=False, comment="occurrences since the first, also those whose rows were pruned"),
    Column("examples", Integer, nullable=False, comment="occurrences whose values and excerpt are kept"),
    Column("recordings", Integer, nullable=False, server_default=text("0"), comment="comparisons kept as recordings"),
    Column("last_verdict", String(16), nullable=False),
    Column("accepted_by", String(128), comment="ledger entry of the last occurrence; null: not accepted"),
    Index(None, "surface", "last_verdict", "last_seen_at"),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("comparison_id", _RowId, ForeignKey(comparisons.c.id, ondelete="CASCADE"), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("surface", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("times", Integer, nullable=False, comment="how often in this comparison"),
    Column("example", Boolean, nullable=False, comment="true: values and excerpt are kept"),
    Column("control", Text, comment="redacted JSON; null: that side has nothing there"),
    Column("candidate", Text, comment="redacted JSON; null: that side has nothing there"),
    Column("excerpt", JSON, comment="redacted rows of both streams, aligned; null: none is kept"),
    Column("follows", JSON, comment="redacted clauses, one for each consequence; null: none is kept"),
    ForeignKeyConstraint(["fingerprint", "surface"], [divergence_kinds.c.fingerprint, divergence_kinds.c.surface], ondelete="CASCADE"),
    UniqueConstraint("comparison_id", "fingerprint"),
    Index(None, "fingerprint", "surface", "example"),
)

recordings = Table(
    "recordings",
    metadata,
    Column("comparison_id", _RowId, ForeignKey(comparisons.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("size_bytes", Integer, nullable=False, comment="of the line"),
    Column("line", LargeBinary, nullable=False, comment="one line of the recording format, zlib; its schema is inside"),
)

strata_sets = Table(
    "strata_sets",
    metadata,
    Column("id", String(16), primary_key=True, comment="digest of the set"),
    Column("strata", JSON, nullable=False, comment="[event kind, tool, outcome], sorted"),
)

detections = Table(
    "detections",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("basis", String(16), primary_key=True, comment="what the comparisons were made with"),
    Column("kind", String(32), primary_key=True, comment="of the injected difference"),
    Column("injected", BigInteger, nullable=False, comment="into replays that matched"),
    Column("seen", BigInteger, nullable=False, comment="by the comparison"),
)

noise_rounds = Table(
    "noise_rounds",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970-01-01, UTC"),
    Column("rounds", BigInteger, nullable=False, comment="in which each engine was compared with itself"),
)

counted_rounds = Table(
    "counted_rounds",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("run", String(64), primary_key=True, comment="digest of the id of the run that the round followed"),
    Column("day", Integer, nullable=False, comment="days since 1970-01-01, UTC"),
    Index(None, "day"),
)

noise_hits = Table(
    "noise_hits",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("fingerprint", String(32), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970-01-01, UTC"),
    Column("rounds", BigInteger, nullable=False, comment="that showed it, in either engine"),
    Column("control", BigInteger, nullable=False, comment="rounds in which control showed it against itself"),
    Column("candidate", BigInteger, nullable=False, comment="rounds in which candidate did"),
)
