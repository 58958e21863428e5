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
    Column("shadows", String(16), nullable=False, comment="origin of the engine that ran as the shadow"),
    Column("serving", String(16), nullable=False, comment="origin of the engine whose events the user saw"),
    Column("tenant_id", String(160), nullable=False),
    Column("user_digest", String(64), nullable=False, comment="shape and digest of the user's id, which may be personal data"),
    Column("thread_id", String(160), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reasons", JSON, nullable=False, comment="why the comparison is inconclusive; []: it is not"),
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
    Column("trace_id", String(32), comment="trace of the served run; null: not traced"),
    Column("span_id", String(16), comment="span of the served run; the shadow's span links to it"),
    Column("shadow_trace_id", String(32), comment="null: not traced"),
    Column("received_at", Float, nullable=False, comment="Unix seconds"),
    Column("compared_at", Float, nullable=False, comment="Unix seconds"),
    Column("strata", String(16), comment="set of the served run's strata; null: compared before strata were stored"),
    Column("touched", String(16), comment="set of the strata that divergences touch; null: none"),
    Column("control_longest_gap_s", Float, comment="null: fewer than two events came, or compared before this was stored"),
    Column("candidate_longest_gap_s", Float, comment="null: fewer than two events came, or compared before this was stored"),
    Column("control_outcome", String(16), comment="null: compared before this was stored"),
    Column("candidate_outcome", String(16), comment="null: compared before this was stored"),
    Column("severities", String(96), comment="severities of unaccepted divergences, sorted by name and separated by commas; null: none"),
    Column("breach", Boolean, comment="true: data of another tenant or user was found; null: none was found"),
    Column("basis", String(16), comment="basis of the comparison; null: not known"),
    Column("probability", Float, comment="probability with which the run was drawn for shadowing; null: 1"),
    UniqueConstraint("surface", "run_id", "shadows"),
    Index(None, "surface", "verdict", "compared_at"),
    Index(None, "compared_at"),
)

bases = Table(
    "bases",
    metadata,
    Column("id", String(16), primary_key=True, comment="digest of the other columns"),
    Column("policy", String(64), nullable=False, comment="digest"),
    Column("ledger", String(64), nullable=False, comment="digest"),
    Column("build", String(128), nullable=False, comment="build of the engines; empty: not known"),
    Column("tool", String(64), nullable=False, comment="version"),
)

unseen_runs = Table(
    "unseen_runs",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("surface", String(64), nullable=False),
    Column("tenant_id", String(160), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("strata", String(16), comment="set of the served run's strata; null: not known"),
    Column("reason", String(32), nullable=False, comment="why there is no comparison"),
    Column("runs", Integer, nullable=False),
    Column("at", Float, nullable=False, comment="Unix seconds at which the runs were counted"),
    Column("probability", Float, comment="probability with which the runs were drawn for shadowing; null: 1"),
    Index(None, "at"),
)

standings = Table(
    "standings",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("step", String(160), primary_key=True, comment="step of a ramp"),
    Column("mark", String(32), nullable=False, comment="changes with every write"),
    Column(
        "state", LargeBinary, nullable=False, comment="counts of the rows that were read so far; can be made again from the other tables"
    ),
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
    Column("count", BigInteger, nullable=False, comment="all occurrences since the first one, also those whose rows were pruned"),
    Column("examples", Integer, nullable=False, comment="occurrences whose values and excerpt are stored"),
    Column(
        "recordings", Integer, nullable=False, server_default=text("0"), comment="comparisons whose served run is stored as a recording"
    ),
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
    Column("times", Integer, nullable=False, comment="how often the divergence occurs in this comparison"),
    Column("example", Boolean, nullable=False, comment="true: values and excerpt are stored"),
    Column("control", Text, comment="redacted JSON; null: this engine has no value there"),
    Column("candidate", Text, comment="redacted JSON; null: this engine has no value there"),
    Column("excerpt", JSON, comment="redacted rows of both streams, aligned; null: none are stored"),
    Column("follows", JSON, comment="redacted clauses, one for each consequence; null: none are stored"),
    ForeignKeyConstraint(["fingerprint", "surface"], [divergence_kinds.c.fingerprint, divergence_kinds.c.surface], ondelete="CASCADE"),
    UniqueConstraint("comparison_id", "fingerprint"),
    Index(None, "fingerprint", "surface", "example"),
)

recordings = Table(
    "recordings",
    metadata,
    Column("comparison_id", _RowId, ForeignKey(comparisons.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("size_bytes", Integer, nullable=False, comment="size of the line"),
    Column(
        "line",
        LargeBinary,
        nullable=False,
        comment="one line of the recording format, compressed by zlib; it contains the version of its format",
    ),
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
    Column("basis", String(16), primary_key=True, comment="basis of the comparisons"),
    Column("kind", String(32), primary_key=True, comment="kind of the injected difference"),
    Column("injected", BigInteger, nullable=False, comment="differences that were injected into replays that matched"),
    Column("seen", BigInteger, nullable=False, comment="injected differences that the comparison saw"),
)

noise_rounds = Table(
    "noise_rounds",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970-01-01, UTC"),
    Column("rounds", BigInteger, nullable=False, comment="rounds in which each engine was compared with itself"),
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
    Column("rounds", BigInteger, nullable=False, comment="rounds in which at least one engine showed the divergence"),
    Column("control", BigInteger, nullable=False, comment="rounds in which control showed it when compared with itself"),
    Column("candidate", BigInteger, nullable=False, comment="rounds in which candidate showed it when compared with itself"),
)
