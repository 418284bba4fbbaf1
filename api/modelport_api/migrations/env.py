"""Run by Alembic: migrates over the connection that ``jobs.database.migrate`` hands in."""

from __future__ import annotations

from alembic import context

from modelport_api.jobs.tables import METADATA
from modelport_api.migrations import TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite alters a table by making a new one; later migrations rely on it.
    render_as_batch=True,
    version_table=TABLE,
)
with context.begin_transaction():
    context.run_migrations()
