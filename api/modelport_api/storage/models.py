"""Keeps uploaded models: the files once under their digest, what is in them as a row."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from modelport import engine as core
from modelport.model import jsonable
from modelport_api.desk import Desk
from modelport_api.jobs import records
from modelport_api.jobs.tables import models
from modelport_api.problems import InUse, NotFound
from modelport_api.storage import places
from modelport_api.storage.uploads import File

Json = dict[str, Any]
_KEEPING = threading.Lock()
MAX_LISTED = 1000


def keep(desk: Desk, folder: Path, files: Sequence[File], source: str) -> tuple[Json, bool]:
    """Take over the uploaded ``files`` of ``folder``; return the model, and whether it is new.

    The same files under the same names are one model.

    Raises:
        ModelportError: They are no model that can be read; nothing is kept.
    """
    digest = _digest(files, source)
    if (known := _by(desk, models.c.digest == digest)) is not None:
        return known, False
    paths = [folder / file.name for file in files]
    artifact, description = core.inspect_files(
        paths, folder.with_name("work"), desk.house, source=source
    )
    row = {
        "id": uuid.uuid4().hex,
        "digest": digest,
        "sha256": files[0].sha256 if len(files) == 1 else digest,
        "name": files[0].name if len(files) == 1 else Path(artifact.main).name,
        "size": sum(file.size for file in files),
        "source": source,
        "format": artifact.format,
        "files": [{"name": file.name, "size": file.size} for file in files],
        "description": jsonable(description),
        "created_at": time.time(),
    }
    with _KEEPING:
        if (known := _by(desk, models.c.digest == digest)) is not None:
            return known, False
        place = places.model(desk.settings.home, digest)
        shutil.rmtree(place, ignore_errors=True)  # of a process that died before its row
        place.parent.mkdir(parents=True, exist_ok=True)
        folder.replace(place)
        with desk.engine.begin() as connection:
            connection.execute(sa.insert(models).values(**row))
    return _view(desk, row), True


def find(desk: Desk, id: str) -> Json:
    """Return the model ``id`` as the API shows it.

    Raises:
        NotFound: There is none.
    """
    found = _by(desk, models.c.id == id)
    if found is None:
        raise NotFound(f"no model {id[:64]}", hint="Upload it again; it may have been deleted.")
    return found


def listed(desk: Desk) -> list[Json]:
    """Return the newest models."""
    query = sa.select(models).order_by(models.c.created_at.desc()).limit(MAX_LISTED)
    with desk.engine.connect() as connection:
        rows = list(connection.execute(query).mappings())
    targets = {format: core.targets(format, desk.house) for format in {r["format"] for r in rows}}
    return [_view(desk, dict(row), targets[row["format"]]) for row in rows]


def delete(desk: Desk, id: str) -> None:
    """Remove a model and its files; finished conversions of it stay.

    Raises:
        NotFound: There is none.
        InUse: A conversion of it is waiting or running.
    """
    with _KEEPING:
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
        **{name: row[name] for name in ("id", "name", "size", "sha256", "files", "description")},
        "created_at": records.stamp(row["created_at"]),
        "format": {"id": row["format"], "title": format.title if format else row["format"]},
        "targets": core.targets(row["format"], desk.house) if targets is None else targets,
    }
