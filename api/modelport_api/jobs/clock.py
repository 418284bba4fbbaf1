"""How times are written."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(seconds: float | None) -> str | None:
    """Return a time as RFC 3339 in UTC, with milliseconds."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
