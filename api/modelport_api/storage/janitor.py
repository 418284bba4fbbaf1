"""Deletes what is kept no longer: rows with their files, and files that no row knows.

Every finding says why. A dry run finds the same and deletes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from modelport_api.jobs import records
from modelport_api.jobs.tables import OPEN, batches, deliveries, jobs, models, uploads
from modelport_api.settings import Settings
from modelport_api.storage import places

LOG = logging.getLogger("modelport")
EVERY_SECONDS = 600.0
# Files of which no row is there yet may be those of a process that is about to write one.
STRANGE_SECONDS = 3600.0
COLUMNS = {"models": models.c.digest, "jobs": jobs.c.id, "uploads": uploads.c.id}


@dataclass(frozen=True)
class Finding:
    """One thing that is kept no longer.

    Attributes:
        kind: conversion, model, upload, inputs, folder, batch or webhook.
        id: Of the row, or the path below the home.
        why: In a few words.
    """

    kind: str
    id: str
    why: str


def findings(settings: Settings, engine: sa.Engine, now: float) -> list[Finding]:
    """Return what is to be deleted at the time ``now``; deletes nothing."""
    with engine.connect() as connection:
        return [
            *_uploads(connection, now),
            *(_old(connection, settings, now) if settings.retention_seconds else ()),
            *_strange(connection, settings, now),
        ]


def sweep(settings: Settings, engine: sa.Engine, found: list[Finding]) -> None:
    """Delete what was found, unless it is needed again by now."""
    for one in found:
        # Else a model that is uploaded again at this moment would lose its files.
        with places.keeping(settings.home):
            with engine.begin() as connection:
                gone = _deleted(connection, one)
            if gone is not None:
                _remove(settings.home / gone)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)


async def work(settings: Settings, engine: sa.Engine) -> None:
    """Sweep now and again, without end."""
    while True:
        try:
            found = await asyncio.to_thread(findings, settings, engine, time.time())
            await asyncio.to_thread(sweep, settings, engine, found)
            if found:
                LOG.info("janitor: %s things deleted", len(found))
        except (OSError, sa.exc.SQLAlchemyError) as error:
            LOG.warning("janitor: %s", type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


def _uploads(connection: sa.Connection, now: float) -> Iterator[Finding]:
    for id in connection.scalars(sa.select(uploads.c.id).where(uploads.c.expires_at < now)):
        yield Finding("upload", id, "nobody went on with it in time")


def _old(connection: sa.Connection, settings: Settings, now: float) -> Iterator[Finding]:
    edge = now - settings.retention_seconds
    done = sa.select(jobs.c.id).where(jobs.c.finished_at < edge, jobs.c.retention != "keep")
    for id in connection.scalars(done):
        yield Finding("conversion", id, "finished longer ago than the retention")
    used = sa.exists().where(
        jobs.c.model == models.c.id, sa.or_(jobs.c.state.in_(OPEN), jobs.c.created_at >= edge)
    )
    idle = sa.select(models.c.id).where(models.c.created_at < edge, ~models.c.kept, ~used)
    for id in connection.scalars(idle):
        yield Finding("model", id, "neither uploaded nor converted within the retention")
    told = sa.select(deliveries.c.id).where(deliveries.c.due_at.is_(None))
    for id in connection.scalars(told.where(deliveries.c.created_at < edge)):
        yield Finding("webhook", id, "settled longer ago than the retention")
    members = sa.exists().where(jobs.c.batch == batches.c.id)
    for id in connection.scalars(
        sa.select(batches.c.id).where(batches.c.created_at < edge, ~members)
    ):
        yield Finding("batch", id, "none of its conversions is left")
    needed = {
        str(request.get(name))
        for request in connection.scalars(sa.select(jobs.c.request).where(jobs.c.state.in_(OPEN)))
        for name in ("inputs", "calibration")
    }
    for path in (settings.home / "inputs").glob("*.npz"):
        if path.stem not in needed and _age(path, now) > settings.retention_seconds:
            yield Finding("inputs", f"inputs/{path.name}", "older than the retention")


def _strange(connection: sa.Connection, settings: Settings, now: float) -> Iterator[Finding]:
    for name, column in COLUMNS.items():
        known = set(connection.scalars(sa.select(column)))
        for path in (settings.home / name).glob("*"):
            if path.name not in known and _age(path, now) > STRANGE_SECONDS:
                yield Finding("folder", f"{name}/{path.name}", "no row knows it")


def _known(connection: sa.Connection, path: Path) -> bool:
    column = COLUMNS[path.parent.name]
    return connection.scalar(sa.select(column).where(column == path.name)) is not None


def _age(path: Path, now: float) -> float:
    with suppress(OSError):
        return now - path.stat().st_mtime
    return 0.0  # gone at this moment


def _deleted(connection: sa.Connection, one: Finding) -> str | None:
    """Delete the row of a finding; return the path that goes with it, None if it stays."""
    if one.kind == "inputs" or (one.kind == "folder" and not _known(connection, Path(one.id))):
        return one.id
    if one.kind == "conversion":
        records.delete(connection, one.id)
        return str(places.job(Path(), one.id))
    if one.kind == "model" and not records.uses(connection, one.id):
        gone = sa.delete(models).where(models.c.id == one.id).returning(models.c.digest)
        return str(places.model(Path(), digest)) if (digest := connection.scalar(gone)) else None
    if one.kind == "upload":
        late = uploads.c.id == one.id, uploads.c.expires_at < time.time()
        gone = sa.delete(uploads).where(*late).returning(uploads.c.id)
        return str(places.upload(Path(), id)) if (id := connection.scalar(gone)) else None
    if one.kind in ("batch", "webhook"):
        table = batches if one.kind == "batch" else deliveries
        connection.execute(sa.delete(table).where(table.c.id == one.id))
    return None
