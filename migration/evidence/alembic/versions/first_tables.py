"""Comparisons, kinds of divergences, and where each kind occurred."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in columns of the type INTEGER.
_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "comparisons",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=160), nullable=False),
        sa.Column("shadows", sa.String(length=16), nullable=False, comment="origin of the engine that ran as the shadow"),
        sa.Column("serving", sa.String(length=16), nullable=False, comment="origin of the engine whose events the user saw"),
        sa.Column("tenant_id", sa.String(length=160), nullable=False),
        sa.Column(
            "user_digest", sa.String(length=64), nullable=False, comment="shape and digest of the user's id, which may be personal data"
        ),
        sa.Column("thread_id", sa.String(length=160), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False, comment="why the comparison is inconclusive; []: it is not"),
        sa.Column("divergence_count", sa.Integer(), nullable=False),
        sa.Column("control_duration_s", sa.Float(), nullable=False),
        sa.Column("control_effect_s", sa.Float(), nullable=False),
        sa.Column("control_first_event_s", sa.Float(), comment="null: no event came"),
        sa.Column("candidate_duration_s", sa.Float(), nullable=False),
        sa.Column("candidate_effect_s", sa.Float(), nullable=False),
        sa.Column("candidate_first_event_s", sa.Float(), comment="null: no event came"),
        sa.Column("effects_recorded", sa.Integer(), nullable=False),
        sa.Column("effects_replayed", sa.Integer(), nullable=False),
        sa.Column("effects_missing", sa.Integer(), nullable=False),
        sa.Column("effects_performed_by_shadow", sa.Integer(), nullable=False),
        sa.Column("trace_id", sa.String(length=32), comment="trace of the served run; null: not traced"),
        sa.Column("span_id", sa.String(length=16), comment="span of the served run; the shadow's span links to it"),
        sa.Column("shadow_trace_id", sa.String(length=32), comment="null: not traced"),
        sa.Column("received_at", sa.Float(), nullable=False, comment="Unix seconds"),
        sa.Column("compared_at", sa.Float(), nullable=False, comment="Unix seconds"),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
        sa.UniqueConstraint("surface", "run_id", "shadows", name="uq_comparisons_surface_run_id_shadows"),
    )
    op.create_index("ix_comparisons_compared_at", "comparisons", ["compared_at"], unique=False)
    op.create_index("ix_comparisons_surface_verdict_compared_at", "comparisons", ["surface", "verdict", "compared_at"], unique=False)
    op.create_table(
        "divergence_kinds",
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Float(), nullable=False, comment="Unix seconds"),
        sa.Column("last_seen_at", sa.Float(), nullable=False, comment="Unix seconds"),
        sa.Column(
            "count", sa.BigInteger(), nullable=False, comment="all occurrences since the first one, also those whose rows were pruned"
        ),
        sa.Column("examples", sa.Integer(), nullable=False, comment="occurrences whose values and excerpt are stored"),
        sa.Column("last_verdict", sa.String(length=16), nullable=False),
        sa.Column("accepted_by", sa.String(length=128), comment="ledger entry of the last occurrence; null: not accepted"),
        sa.PrimaryKeyConstraint("fingerprint", "surface", name="pk_divergence_kinds"),
    )
    op.create_index(
        "ix_divergence_kinds_surface_last_verdict_last_seen_at",
        "divergence_kinds",
        ["surface", "last_verdict", "last_seen_at"],
        unique=False,
    )
    op.create_table(
        "occurrences",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("comparison_id", _RowId, nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, comment="how often the divergence occurs in this comparison"),
        sa.Column("example", sa.Boolean(), nullable=False, comment="true: values and excerpt are stored"),
        sa.Column("control", sa.Text(), comment="redacted JSON; null: this engine has no value there"),
        sa.Column("candidate", sa.Text(), comment="redacted JSON; null: this engine has no value there"),
        sa.Column("excerpt", sa.JSON(), comment="redacted rows of both streams, aligned; null: none are stored"),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_occurrences_comparison_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["fingerprint", "surface"],
            ["divergence_kinds.fingerprint", "divergence_kinds.surface"],
            name="fk_occurrences_fingerprint_surface",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_occurrences"),
        sa.UniqueConstraint("comparison_id", "fingerprint", name="uq_occurrences_comparison_id_fingerprint"),
    )
    op.create_index("ix_occurrences_fingerprint_surface_example", "occurrences", ["fingerprint", "surface", "example"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_occurrences_fingerprint_surface_example", table_name="occurrences")
    op.drop_table("occurrences")
    op.drop_index("ix_divergence_kinds_surface_last_verdict_last_seen_at", table_name="divergence_kinds")
    op.drop_table("divergence_kinds")
    op.drop_index("ix_comparisons_surface_verdict_compared_at", table_name="comparisons")
    op.drop_index("ix_comparisons_compared_at", table_name="comparisons")
    op.drop_table("comparisons")
