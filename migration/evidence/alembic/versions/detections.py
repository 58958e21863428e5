"""Injected differences, and how many of them the comparison saw."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "detections",
        sa.Column("surface", sa.String(length=64), nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False, comment="what the comparisons were made with"),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="of the injected difference"),
        sa.Column("injected", sa.BigInteger(), nullable=False, comment="into replays that matched"),
        sa.Column("seen", sa.BigInteger(), nullable=False, comment="by the comparison"),
        sa.PrimaryKeyConstraint("surface", "basis", "kind", name="pk_detections"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("detections")
