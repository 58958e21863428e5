"""How often each engine was compared with itself, and the divergences that this showed, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "noise_rounds",
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False, comment="days since 1970-01-01, UTC"),
        sa.Column("rounds", sa.BigInteger(), nullable=False, comment="rounds in which each engine was compared with itself"),
        sa.PrimaryKeyConstraint("surface", "day", name="pk_noise_rounds"),
    )
    op.create_table(
        "noise_hits",
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False, comment="days since 1970-01-01, UTC"),
        sa.Column("rounds", sa.BigInteger(), nullable=False, comment="rounds in which at least one engine showed the divergence"),
        sa.Column("control", sa.BigInteger(), nullable=False, comment="rounds in which control showed it when compared with itself"),
        sa.Column("candidate", sa.BigInteger(), nullable=False, comment="rounds in which candidate showed it when compared with itself"),
        sa.PrimaryKeyConstraint("surface", "fingerprint", "day", name="pk_noise_hits"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("noise_hits")
    op.drop_table("noise_rounds")
