"""Whole runs of tenants that allow their texts, and their number for each kind of divergence."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# As in the first tables.
_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table and the counter."""
    op.create_table(
        "recordings",
        sa.Column("comparison_id", _RowId, autoincrement=False, nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False, comment="size of the line"),
        sa.Column(
            "line",
            sa.LargeBinary(),
            nullable=False,
            comment="one line of the recording format, compressed by zlib; it contains the version of its format",
        ),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_recordings_comparison_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("comparison_id", name="pk_recordings"),
    )
    op.add_column(
        "divergence_kinds",
        sa.Column(
            "recordings",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="comparisons whose served run is stored as a recording",
        ),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("divergence_kinds", "recordings")
    op.drop_table("recordings")
