"""How long models and conversions are kept, where it is not as long as the setting says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what is there already is kept as the setting says."""
    retention = sa.Column("retention", sa.String(16), nullable=False, server_default="")
    op.add_column("jobs", retention)
    kept = sa.Column("kept", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("models", kept)


def downgrade() -> None:
    """Drop them again."""
    for name, column in (("jobs", "retention"), ("models", "kept")):
        with op.batch_alter_table(name) as table:
            table.drop_column(column)
