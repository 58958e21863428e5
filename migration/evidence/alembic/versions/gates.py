"""What gates read: how both runs ended, what a comparison was made with, runs without a comparison, and counts of what was read."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and the columns. The columns are empty for earlier comparisons."""
    for name in ("control_outcome", "candidate_outcome"):
        op.add_column("comparisons", sa.Column(name, sa.String(length=16), comment="null: compared before this was stored"))
    severities = "severities of unaccepted divergences, sorted by name and separated by commas; null: none"
    op.add_column("comparisons", sa.Column("severities", sa.String(length=96), comment=severities))
    op.add_column(
        "comparisons", sa.Column("breach", sa.Boolean(), comment="true: data of another tenant or user was found; null: none was found")
    )
    op.add_column("comparisons", sa.Column("basis", sa.String(length=16), comment="basis of the comparison; null: not known"))
    op.create_table(
        "bases",
        sa.Column("id", sa.String(length=16), nullable=False, comment="digest of the other columns"),
        sa.Column("policy", sa.String(length=64), nullable=False, comment="digest"),
        sa.Column("ledger", sa.String(length=64), nullable=False, comment="digest"),
        sa.Column("build", sa.String(length=128), nullable=False, comment="build of the engines; empty: not known"),
        sa.Column("tool", sa.String(length=64), nullable=False, comment="version"),
        sa.PrimaryKeyConstraint("id", name="pk_bases"),
    )
    op.create_table(
        "unseen_runs",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=160), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("strata", sa.String(length=16), comment="set of the served run's strata; null: not known"),
        sa.Column("reason", sa.String(length=32), nullable=False, comment="why there is no comparison"),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False, comment="Unix seconds at which the runs were counted"),
        sa.PrimaryKeyConstraint("id", name="pk_unseen_runs"),
    )
    op.create_index("ix_unseen_runs_at", "unseen_runs", ["at"])
    op.create_table(
        "standings",
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=160), nullable=False, comment="step of a ramp"),
        sa.Column("mark", sa.String(length=32), nullable=False, comment="changes with every write"),
        sa.Column(
            "state",
            sa.LargeBinary(),
            nullable=False,
            comment="counts of the rows that were read so far; can be made again from the other tables",
        ),
        sa.PrimaryKeyConstraint("surface", "step", name="pk_standings"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("standings", "unseen_runs", "bases"):
        op.drop_table(table)
    for name in ("basis", "breach", "severities", "candidate_outcome", "control_outcome"):
        op.drop_column("comparisons", name)
