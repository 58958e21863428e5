"""The strata of each compared run, and those that its divergences touch."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the columns. Earlier comparisons are in no stratum."""
    op.create_table(
        "strata_sets",
        sa.Column("id", sa.String(length=16), nullable=False, comment="digest of the set"),
        sa.Column("strata", sa.JSON(), nullable=False, comment="[event kind, tool, outcome], sorted"),
        sa.PrimaryKeyConstraint("id", name="pk_strata_sets"),
    )
    op.add_column(
        "comparisons",
        sa.Column("strata", sa.String(length=16), comment="set of the served run's strata; null: compared before strata were stored"),
    )
    op.add_column("comparisons", sa.Column("touched", sa.String(length=16), comment="set of the strata that divergences touch; null: none"))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("comparisons", "touched")
    op.drop_column("comparisons", "strata")
    op.drop_table("strata_sets")
