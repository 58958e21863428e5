"""The consequences of a divergence in the comparison that is stored as its example."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column. It is empty for earlier comparisons."""
    op.add_column(
        "occurrences", sa.Column("follows", sa.JSON(), comment="redacted clauses, one for each consequence; null: none are stored")
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("occurrences", "follows")
