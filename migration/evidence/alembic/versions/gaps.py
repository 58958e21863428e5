"""The longest pause between two events of each run."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = ("control_longest_gap_s", "candidate_longest_gap_s")
_COMMENT = "null: fewer than two events came, or compared before this was stored"


def upgrade() -> None:
    """Make the columns. They are empty for earlier comparisons."""
    for name in _COLUMNS:
        op.add_column("comparisons", sa.Column(name, sa.Float(), comment=_COMMENT))


def downgrade() -> None:
    """Drop them."""
    for name in reversed(_COLUMNS):
        op.drop_column("comparisons", name)
