"""The probability with which each run was drawn for shadowing."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. They are null for earlier runs, which were all drawn."""
    op.add_column(
        "comparisons", sa.Column("probability", sa.Float(), comment="probability with which the run was drawn for shadowing; null: 1")
    )
    op.add_column(
        "unseen_runs", sa.Column("probability", sa.Float(), comment="probability with which the runs were drawn for shadowing; null: 1")
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("unseen_runs", "probability")
    op.drop_column("comparisons", "probability")
