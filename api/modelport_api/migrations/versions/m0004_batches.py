"""Batches: conversions that were ordered together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and tell each job its batch."""
    op.create_table(
        "batches",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("refused", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False, index=True),
    )
    op.add_column("jobs", sa.Column("batch", sa.String(32)))
    op.create_index("ix_jobs_batch", "jobs", ["batch"])


def downgrade() -> None:
    """Drop it again."""
    op.drop_index("ix_jobs_batch", "jobs")
    with op.batch_alter_table("jobs") as table:
        table.drop_column("batch")
    op.drop_table("batches")
