"""Calls to those who asked to be told that something has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and keep who is to be called."""
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(32), nullable=False, index=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("due_at", sa.Float, index=True),
        sa.Column("said", sa.Text, nullable=False, server_default=""),
    )
    op.add_column("jobs", sa.Column("callback", sa.Text))
    op.add_column("batches", sa.Column("callback", sa.Text))


def downgrade() -> None:
    """Drop it again."""
    for name in ("jobs", "batches"):
        with op.batch_alter_table(name) as table:
            table.drop_column("callback")
    op.drop_table("deliveries")
