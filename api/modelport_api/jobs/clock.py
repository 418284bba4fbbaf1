"""What time it is, and how times are written."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import sqlalchemy as sa


def stamp(seconds: float | None) -> str | None:
    """Return a time as RFC 3339 in UTC, with milliseconds."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def now(connection: sa.Connection) -> float:
    """Return the seconds since the epoch by the database's clock, which all machines share."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float(connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
