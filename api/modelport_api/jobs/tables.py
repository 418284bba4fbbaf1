"""The service's own tables, in the same database as the queue's.

Times are seconds since the epoch by the database's clock. A row of ``jobs`` is the truth
for users; the queue only dispatches.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

QUEUED, RUNNING, CONVERTED, FAILED, CANCELLED = (
    "queued",
    "running",
    "converted",
    "failed",
    "cancelled",
)
OPEN = (QUEUED, RUNNING)

models = sa.Table(
    "models",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("description", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("kept", sa.Boolean, nullable=False, server_default=sa.false()),
)

uploads = sa.Table(
    "uploads",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    # Known when the last byte has come, and the sign that it has.
    sa.Column("sha256", sa.String(64)),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False, index=True),
)

jobs = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("model", sa.String(32), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("stage", sa.Text, nullable=False, server_default=""),
    sa.Column("fraction", sa.Float, nullable=False, server_default="0"),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("verdict", sa.String(16)),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("problem", sa.JSON(none_as_null=True)),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("batch", sa.String(32), index=True),
    sa.Column("callback", sa.Text),
    # "": as long as the setting says; "keep": until deleted; "download": until it was fetched.
    sa.Column("retention", sa.String(16), nullable=False, server_default=""),
)

batches = sa.Table(
    "batches",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("refused", sa.JSON, nullable=False),
    sa.Column("callback", sa.Text),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
)

attempts = sa.Table(
    "attempts",
    METADATA,
    sa.Column("job", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("worker", sa.String(64), nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("finished_at", sa.Float),
)

artifacts = sa.Table(
    "artifacts",
    METADATA,
    sa.Column("job", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)

events = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("job", sa.String(32), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    # Without AUTOINCREMENT, SQLite would give the id of a deleted last row to a
    # new one, and a watcher's Last-Event-ID would skip it.
    sqlite_autoincrement=True,
)

workers = sa.Table(
    "workers",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("queues", sa.JSON, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False, index=True),
)

figures = sa.Table(
    "figures",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("labels", sa.String(400), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("subject", sa.String(32), nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.Float, nullable=False),
    # When it is sent next; None once it arrived or was given up.
    sa.Column("due_at", sa.Float, index=True),
    sa.Column("said", sa.Text, nullable=False, server_default=""),
)
