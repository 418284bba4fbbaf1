"""Alembic's migrations of the service's own tables."""
