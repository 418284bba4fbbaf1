"""Reads and writes the rows of jobs; every change of state is one guarded UPDATE."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from modelport_api.jobs import clock, events, figures, outbox, tables
from modelport_api.jobs.tables import (
    CANCELLED,
    CONVERTED,
    FAILED,
    OPEN,
    QUEUED,
    RUNNING,
    artifacts,
    attempts,
    jobs,
)

Json = dict[str, Any]


def add(connection: sa.Connection, job: Json) -> None:
    """Insert a queued job with its first event."""
    connection.execute(sa.insert(jobs).values(**job, state=QUEUED, created_at=time.time()))
    _tell(connection, job["id"])


def conversion(connection: sa.Connection, job: str) -> Json | None:
    """Return the job as the API shows it, or None."""
    found = connection.execute(sa.select(jobs).where(jobs.c.id == job)).mappings().first()
    return None if found is None else _view(connection, found)


def request(connection: sa.Connection, job: str) -> Json:
    """Return what was asked for, with the job's ``model`` and ``target``."""
    query = sa.select(jobs.c.model, jobs.c.target, jobs.c.request)
    found = connection.execute(query.where(jobs.c.id == job)).mappings().one()
    return {"model": found["model"], "target": found["target"], **found["request"]}


def retention(connection: sa.Connection, job: str) -> str:
    """Return how long a job is kept: "" for as long as the setting says."""
    return connection.scalar(sa.select(jobs.c.retention).where(jobs.c.id == job)) or ""


def conversions(
    connection: sa.Connection, *, limit: int, after: str | None
) -> tuple[list[Json], str | None]:
    """Return one page of jobs, newest first, and the cursor of the next page.

    Raises:
        LookupError: ``after`` is no job.
    """
    query = sa.select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
    if after is not None:
        edge = connection.execute(
            sa.select(jobs.c.created_at, jobs.c.id).where(jobs.c.id == after)
        ).first()
        if edge is None:
            raise LookupError(after)
        query = query.where(sa.tuple_(jobs.c.created_at, jobs.c.id) < sa.tuple_(*edge))
    found = list(connection.execute(query.limit(limit + 1)).mappings())
    page = [_view(connection, row) for row in found[:limit]]
    return page, page[-1]["id"] if len(found) > limit else None


def begin(engine: sa.Engine, job: str, worker: str) -> int | None:
    """Start the next attempt and return its number; None if the job is finished or gone."""
    now = time.time()
    with engine.begin() as connection:
        found = connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == job, jobs.c.state.in_(OPEN))
            .values(
                attempt=jobs.c.attempt + 1,
                state=RUNNING,
                stage="",
                fraction=0.0,
                detail="",
                started_at=sa.func.coalesce(jobs.c.started_at, now),
            )
            .returning(jobs.c.attempt, jobs.c.created_at)
        ).first()
        if found is None:
            return None
        number, ordered = found
        if number == 1:
            sums = figures.Sums()
            sums.time("modelport_wait_seconds", seconds=now - ordered)
            sums.enter(connection)
        connection.execute(
            sa.insert(attempts).values(job=job, number=number, worker=worker, started_at=now)
        )
        _tell(connection, job)
        return int(number)


def owns(engine: sa.Engine, job: str, attempt: int) -> bool:
    """Whether ``attempt`` is still the one whose result counts."""
    with engine.connect() as connection:
        return connection.scalar(sa.select(jobs.c.id).where(*_mine(job, attempt))) is not None


def progress(engine: sa.Engine, job: str, attempt: int, update: Mapping[str, Any]) -> bool:
    """Write how far the attempt is; False if its result no longer counts."""
    data = {key: update[key] for key in ("stage", "fraction", "detail")}
    with engine.begin() as connection:
        changed = connection.execute(
            sa.update(jobs).where(*_mine(job, attempt)).values(**data)
        ).rowcount
        if changed:
            events.append(connection, job, events.STAGE, data)
        return bool(changed)


def publish(engine: sa.Engine, job: str, attempt: int, outcome: Json) -> bool:
    """Make the outcome of ``attempt`` the job's; False if the attempt no longer counts."""
    now = time.time()
    problem = outcome.get("problem")
    state = FAILED if problem else CONVERTED
    with engine.begin() as connection:
        changed = connection.execute(
            sa.update(jobs)
            .where(*_mine(job, attempt))
            .values(
                state=state,
                verdict=outcome.get("verdict"),
                reason=outcome.get("reason", ""),
                problem=problem,
                fraction=jobs.c.fraction if problem else 1.0,
                finished_at=now,
            )
        ).rowcount
        if not changed:
            return False
        files = [{"job": job, **entry} for entry in outcome.get("artifacts", [])]
        if files:
            connection.execute(sa.insert(artifacts), files)
        connection.execute(
            sa.update(attempts)
            .where(attempts.c.job == job, attempts.c.number == attempt)
            .values(finished_at=now)
        )
        _tell(connection, job)
        _ended(connection, job, outcome)
        return True


def close(engine: sa.Engine, job: str, problem: Json | None) -> bool:
    """End an open job: cancelled, or failed with ``problem``; False if it was finished."""
    with engine.begin() as connection:
        changed = connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == job, jobs.c.state.in_(OPEN))
            .values(
                state=FAILED if problem else CANCELLED, problem=problem, finished_at=time.time()
            )
        ).rowcount
        if changed:
            _tell(connection, job)
            _ended(connection, job, {"problem": problem})
        return bool(changed)


def unfinished(engine: sa.Engine) -> Sequence[str]:
    """Return the ids of all queued and running jobs."""
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(jobs.c.id).where(jobs.c.state.in_(OPEN))))


def delete(connection: sa.Connection, job: str) -> None:
    """Remove a job's rows, whatever its state."""
    connection.execute(sa.delete(jobs).where(jobs.c.id == job))
    for table in (attempts, artifacts, tables.events):
        connection.execute(sa.delete(table).where(table.c.job == job))


def counts(connection: sa.Connection, column: str) -> dict[str, int]:
    """Return how many jobs there are by the values of ``column`` (``state``, ``verdict``)."""
    what = jobs.c[column]
    query = sa.select(what, sa.func.count()).where(what.is_not(None)).group_by(what)
    return {str(value): int(number) for value, number in connection.execute(query)}


def failures(connection: sa.Connection) -> dict[str, int]:
    """Return how many jobs failed, by the code of their problem."""
    code = jobs.c.problem["code"].as_string()
    query = sa.select(code, sa.func.count()).where(jobs.c.state == FAILED).group_by(code)
    return {str(value): int(number) for value, number in connection.execute(query)}


def uses(connection: sa.Connection, model: str) -> int:
    """Return how many open jobs need the model."""
    query = sa.select(sa.func.count()).where(jobs.c.model == model, jobs.c.state.in_(OPEN))
    return connection.scalar(query) or 0


def _ended(connection: sa.Connection, job: str, outcome: Json) -> None:
    query = sa.select(jobs.c.state, jobs.c.target, jobs.c.started_at, jobs.c.finished_at)
    row = connection.execute(query.where(jobs.c.id == job)).one()
    sums = figures.Sums()
    sums.count("modelport_ended", row.state, outcome.get("verdict") or "")
    if problem := outcome.get("problem"):
        sums.count("modelport_refusals", problem["code"])
    if row.started_at is not None:
        seconds = row.finished_at - row.started_at
        sums.time("modelport_conversion_seconds", row.target, seconds=seconds)
    for step in outcome.get("steps", []):
        sums.time("modelport_step_seconds", step["converter"], seconds=step["seconds"])
    made = sum(entry["size"] for entry in outcome.get("artifacts", []))
    sums.count("modelport_produced_bytes", by=made)
    outbox.ended(connection, job, conversion(connection, job) or {})
    sums.enter(connection)


def _mine(job: str, attempt: int) -> tuple[sa.ColumnElement[bool], ...]:
    return jobs.c.id == job, jobs.c.attempt == attempt, jobs.c.state == RUNNING


def _tell(connection: sa.Connection, job: str) -> None:
    view = conversion(connection, job)
    if view is not None:
        events.append(connection, job, events.STATE, view)


def _view(connection: sa.Connection, row: sa.RowMapping) -> Json:
    names = ("id", "model", "name", "source", "target", "state", "stage", "fraction", "detail")
    query = sa.select(artifacts.c.name, artifacts.c.size, artifacts.c.sha256)
    query = query.where(artifacts.c.job == row["id"]).order_by(artifacts.c.name)
    return {
        **{name: row[name] for name in names},
        "verdict": row["verdict"],
        "reason": row["reason"],
        "problem": row["problem"],
        "artifacts": [dict(entry) for entry in connection.execute(query).mappings()],
        "attempt": row["attempt"],
        **{name: clock.stamp(row[name]) for name in ("created_at", "started_at", "finished_at")},
    }
