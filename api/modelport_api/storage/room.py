"""Whether there is room for what is announced: on the disk, and in the service's share of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from modelport.errors import DiskFull
from modelport_api.jobs.tables import artifacts, models, uploads
from modelport_api.settings import Settings
from modelport_api.storage import places
from modelport_api.storage.uploads import check_disk

if TYPE_CHECKING:
    from modelport_api.desk import Desk


def check(desk: Desk, size: int = 0) -> None:
    """Return if ``size`` more bytes can be kept.

    Raises:
        DiskFull: The disk would be left with too little, once what was promised to
            uploads under way has come; or the service would hold more than it may.
    """
    settings = desk.settings
    settings.home.mkdir(parents=True, exist_ok=True)
    with desk.engine.connect() as connection:
        growing = sa.select(uploads.c.id, uploads.c.size).where(uploads.c.sha256.is_(None))
        awaited = sum(size - _come(settings, id) for id, size in connection.execute(growing))
    check_disk(settings.home, settings.disk_reserve, size + awaited)
    check_share(desk, size)


def check_share(desk: Desk, size: int) -> None:
    """Return if the service may hold ``size`` more bytes; raises ``DiskFull``."""
    most = desk.settings.storage_bytes
    if most is None:
        return
    with desk.engine.connect() as connection:
        kept = held(connection)
    if kept + size > most:
        raise DiskFull(
            f"the service may hold {most} bytes, and holds {kept}",
            hint="Delete models and conversions, or ask for a larger MODELPORT_STORAGE_BYTES.",
        )


def held(connection: sa.Connection) -> int:
    """Return the bytes of all models, artefacts and uploads, those announced included."""
    columns = (models.c.size, artifacts.c.size, uploads.c.size)
    return sum(_sum(connection, column) for column in columns)


def _come(settings: Settings, id: str) -> int:
    folder = places.upload(settings.home, id)
    return sum(path.stat().st_size for path in folder.glob("[!.]*"))


def _sum(connection: sa.Connection, size: sa.Column[int]) -> int:
    return int(connection.scalar(sa.select(sa.func.sum(size))) or 0)
