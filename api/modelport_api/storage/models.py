"""Keeps uploaded models: the files once under their digest, what is in them as a row."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from modelport import engine as core
from modelport.model import jsonable
from modelport_api.desk import Desk
from modelport_api.jobs import clock, figures, records
from modelport_api.jobs.tables import models
from modelport_api.problems import InUse, NotFound
from modelport_api.storage import places, resumable, room
from modelport_api.storage.uploads import Come, File

Json = dict[str, Any]
MAX_LISTED = 1000
SHOWN = ("id", "name", "size", "sha256", "files", "kept", "description")


def keep(desk: Desk, come: Come, work: Path, source: str) -> tuple[Json, bool]:
    """Take over the files that have come; return the model, and whether it is new.

    The same files under the same names are one model.

    Raises:
        ModelportError: They are no model that can be read; nothing is kept.
    """
    digest = _digest(come.files, source)
    if (known := _by(desk, models.c.digest == digest)) is not None:
        _use_up(desk, come.uploads)
        return known, False
    if not come.uploads:  # those are counted already
        room.check_share(desk, sum(file.size for file in come.files))
    artifact, description = core.inspect_files(come.paths, work, desk.house, source=source)
    row = {
        **_row(come.files, digest, source),
        "name": come.files[0].name if len(come.files) == 1 else Path(artifact.main).name,
        "format": artifact.format,
        "description": jsonable(description),
    }
    with places.keeping(desk.settings.home):
        twin = _by(desk, models.c.digest == digest)
        if twin is None:
            _take(places.model(desk.settings.home, digest), come)
            with desk.engine.begin() as connection:
                connection.execute(sa.insert(models).values(**row))
                figures.count(connection, "modelport_received_bytes", by=row["size"])
    _use_up(desk, come.uploads)
    return twin or _view(desk, row), twin is None


def _row(files: Sequence[File], digest: str, source: str) -> Json:
    return {
        "id": uuid.uuid4().hex,
        "digest": digest,
        "sha256": files[0].sha256 if len(files) == 1 else digest,
        "size": sum(file.size for file in files),
        "source": source,
        "files": [{"name": file.name, "size": file.size} for file in files],
        "created_at": time.time(),
        "kept": False,
    }


def _take(place: Path, come: Come) -> None:
    # A second name and not a new one: a process that dies here has lost no upload.
    shutil.rmtree(place, ignore_errors=True)  # of one that died before its row
    place.mkdir(parents=True)
    for path, file in zip(come.paths, come.files, strict=True):
        (place / file.name).hardlink_to(path)


def _use_up(desk: Desk, ids: Sequence[str]) -> None:
    for id in ids:
        with contextlib.suppress(NotFound):
            resumable.remove(desk, id)


def find(desk: Desk, id: str) -> Json:
    """Return the model ``id`` as the API shows it.

    Raises:
        NotFound: There is none.
    """
    found = _by(desk, models.c.id == id)
    if found is None:
        raise NotFound(f"no model {id[:64]}", hint="Upload it again; it may have been deleted.")
    return found


def listed(desk: Desk, sha256: str | None = None) -> list[Json]:
    """Return the newest models, or those of one digest."""
    query = sa.select(models).order_by(models.c.created_at.desc()).limit(MAX_LISTED)
    if sha256 is not None:
        query = query.where(models.c.sha256 == sha256)
    with desk.engine.connect() as connection:
        rows = list(connection.execute(query).mappings())
    targets = {format: core.targets(format, desk.house) for format in {r["format"] for r in rows}}
    return [_view(desk, dict(row), targets[row["format"]]) for row in rows]


def keep_on(desk: Desk, id: str, *, kept: bool) -> Json:
    """Say whether a model stays until it is deleted, and return it; NotFound if it is gone."""
    with desk.engine.begin() as connection:
        connection.execute(sa.update(models).where(models.c.id == id).values(kept=kept))
    return find(desk, id)


def delete(desk: Desk, id: str) -> None:
    """Remove a model and its files; finished conversions of it stay.

    Raises:
        NotFound: There is none.
        InUse: A conversion of it is waiting or running.
    """
    with places.keeping(desk.settings.home):
        with desk.engine.begin() as connection:
            query = sa.select(models.c.digest).where(models.c.id == id)
            digest = connection.scalar(query)
            if digest is None:
                raise NotFound(f"no model {id[:64]}")
            if records.uses(connection, id):
                raise InUse("a conversion of this model is not finished", hint="Cancel it first.")
            connection.execute(sa.delete(models).where(models.c.id == id))
        shutil.rmtree(places.model(desk.settings.home, digest), ignore_errors=True)


def _digest(files: Sequence[File], source: str) -> str:
    lines = sorted(f"{file.name}\0{file.sha256}\n" for file in files)
    return hashlib.sha256("".join([*lines, source]).encode()).hexdigest()


def _by(desk: Desk, condition: sa.ColumnElement[bool]) -> Json | None:
    with desk.engine.connect() as connection:
        row = connection.execute(sa.select(models).where(condition)).mappings().first()
    return None if row is None else _view(desk, dict(row))


def _view(desk: Desk, row: Json, targets: list[Json] | None = None) -> Json:
    format = desk.house.registry.formats.get(row["format"])
    return {
        **{name: row[name] for name in SHOWN},
        "created_at": clock.stamp(row["created_at"]),
        "format": {"id": row["format"], "title": format.title if format else row["format"]},
        "targets": core.targets(row["format"], desk.house) if targets is None else targets,
    }
