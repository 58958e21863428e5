"""The runs that were followed by a round, each counted once."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "counted_rounds",
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("run", sa.String(length=64), nullable=False, comment="digest of the id of the run that the round followed"),
        sa.Column("day", sa.Integer(), nullable=False, comment="days since 1970-01-01, UTC"),
        sa.PrimaryKeyConstraint("surface", "run", name="pk_counted_rounds"),
    )
    op.create_index("ix_counted_rounds_day", "counted_rounds", ["day"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("counted_rounds")
