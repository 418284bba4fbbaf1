"""Batches: what became of the conversions that were ordered together, as one summary."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from modelport_api.jobs import clock
from modelport_api.jobs.tables import OPEN, batches, jobs

Json = dict[str, Any]


def members(connection: sa.Connection, batch: str) -> list[str]:
    """Return the ids of the conversions of a batch that are still there."""
    query = sa.select(jobs.c.id).where(jobs.c.batch == batch)
    return list(connection.scalars(query.order_by(jobs.c.created_at, jobs.c.id)))


def summary(connection: sa.Connection, batch: str) -> Json | None:
    """Return a batch as the API shows it, without its conversions; None if there is none."""
    row = connection.execute(sa.select(batches).where(batches.c.id == batch)).mappings().first()
    if row is None:
        return None
    states = _counts(connection, jobs.c.state, batch)
    return {
        "id": batch,
        "created_at": clock.stamp(row["created_at"]),
        "finished": not any(state in OPEN for state in states),
        "total": sum(states.values()) + len(row["refused"]),
        "states": states,
        "verdicts": _counts(connection, jobs.c.verdict, batch),
        "refused": row["refused"],
    }


def delete(connection: sa.Connection, batch: str) -> None:
    """Remove the row of a batch; its conversions are removed one by one."""
    connection.execute(sa.delete(batches).where(batches.c.id == batch))


def _counts(connection: sa.Connection, column: sa.Column[Any], batch: str) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(jobs.c.batch == batch, column.is_not(None))
    return {str(value): int(number) for value, number in connection.execute(query.group_by(column))}
