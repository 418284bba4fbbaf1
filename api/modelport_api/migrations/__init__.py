"""Alembic's migrations of the service's own tables."""

HEAD = "0006"
"""Revision of the newest migration; a test compares it with Alembic's own view."""

TABLE = "modelport_migrations"
"""Where Alembic keeps the revision; the queue has tables of its own beside it."""
