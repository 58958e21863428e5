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
        sa.Column("basis", sa.String(length=16), nullable=False, comment="basis of the comparisons"),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="kind of the injected difference"),
        sa.Column("injected", sa.BigInteger(), nullable=False, comment="differences that were injected into replays that matched"),
        sa.Column("seen", sa.BigInteger(), nullable=False, comment="injected differences that the comparison saw"),
        sa.PrimaryKeyConstraint("surface", "basis", "kind", name="pk_detections"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("detections")
