"""Uploads that go on where they broke off: a row and a file each, until a model is made of them."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from modelport.errors import Busy
from modelport_api.desk import Desk
from modelport_api.jobs.tables import uploads
from modelport_api.problems import BadRequest, NotFinished, NotFound, OffsetConflict
from modelport_api.storage import arrivals, places, room
from modelport_api.storage.arrivals import Checksum, Tail
from modelport_api.storage.uploads import CHUNK, Come, File, check_disk, clean, too_large

EMPTY = hashlib.sha256().hexdigest()
MOST = 1000  # uploads at a time; each takes a folder and a row until it expires


@dataclass(frozen=True)
class Upload:
    """One upload.

    Attributes:
        size: Bytes that it will have.
        offset: Bytes that have come.
        metadata: As the client sent it.
        sha256: Of the whole file, "" until it is whole.
        expires_at: Seconds since the epoch; each piece that comes moves it.
    """

    id: str
    name: str
    size: int
    offset: int
    metadata: str
    sha256: str
    expires_at: float


def create(desk: Desk, size: int, name: str, metadata: str) -> Upload:
    """Make room for an upload of ``size`` bytes.

    Raises:
        TooLarge: It exceeds the limit.
        DiskFull: There is no room.
        Busy: There are too many.
    """
    if size > desk.settings.upload_bytes:
        raise too_large(desk.settings.upload_bytes)
    expire(desk)
    with desk.engine.connect() as connection:
        open = connection.scalar(sa.select(sa.func.count()).select_from(uploads)) or 0
    if open >= MOST:
        raise Busy(f"{MOST} uploads are under way", hint="Finish or delete one of them.")
    room.check(desk, size)
    id, now = uuid.uuid4().hex, time.time()
    folder = places.upload(desk.settings.home, id)
    folder.mkdir(parents=True)
    (folder / clean(name)).touch()
    row = {"id": id, "name": clean(name), "size": size, "metadata": metadata, "created_at": now}
    row["sha256"] = None if size else EMPTY
    with desk.engine.begin() as connection:
        expires = now + desk.settings.upload_seconds
        connection.execute(sa.insert(uploads).values(**row, expires_at=expires))
    return find(desk, id)


def find(desk: Desk, id: str) -> Upload:
    """Return the upload ``id``.

    Raises:
        NotFound: There is none, or no longer.
    """
    with desk.engine.connect() as connection:
        row = connection.execute(sa.select(uploads).where(uploads.c.id == id)).mappings().first()
    gone = NotFound(f"no upload {id[:64]}", hint="Start it anew; it may have expired.")
    if row is None or row["expires_at"] < time.time():
        raise gone
    try:
        come = arrivals.offset(places.upload(desk.settings.home, id) / row["name"])
    except FileNotFoundError as error:  # deleted at this moment
        raise gone from error
    return Upload(
        id=id,
        name=row["name"],
        size=row["size"],
        offset=come,
        metadata=row["metadata"],
        sha256=row["sha256"] or "",
        expires_at=row["expires_at"],
    )


def path(desk: Desk, upload: Upload) -> Path:
    """Return the file of an upload."""
    return places.upload(desk.settings.home, upload.id) / upload.name


def finished(desk: Desk, ids: Sequence[str]) -> Come:
    """Return the files of uploads as those of a model.

    Raises:
        NotFound: One is not there.
        NotFinished: One is not whole.
        BadRequest: Two have one name.
    """
    found = [find(desk, id) for id in dict.fromkeys(ids)]
    for upload in found:
        if not upload.sha256:
            raise NotFinished(f"upload {upload.id} has {upload.offset} of {upload.size} bytes")
    names = [upload.name for upload in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadRequest(f"two files are named {min(twice)}", hint="Upload a zip instead.")
    return Come(
        paths=tuple(path(desk, upload) for upload in found),
        files=tuple(File(upload.name, upload.size, upload.sha256) for upload in found),
        uploads=tuple(upload.id for upload in found),
    )


def remove(desk: Desk, id: str) -> None:
    """Delete an upload and its bytes.

    Raises:
        NotFound: There is none.
    """
    with desk.engine.begin() as connection:
        gone = connection.execute(sa.delete(uploads).where(uploads.c.id == id)).rowcount
    forget(desk, id)
    if not gone:
        raise NotFound(f"no upload {id[:64]}")


def forget(desk: Desk, id: str) -> None:
    """Delete the bytes of an upload whose row is gone."""
    desk.arrivals.hashes.pop(id, None)
    shutil.rmtree(places.upload(desk.settings.home, id), ignore_errors=True)


def expire(desk: Desk) -> None:
    """Delete what nobody went on with in time."""
    late = uploads.c.expires_at < time.time()
    with desk.engine.begin() as connection:
        gone = list(connection.scalars(sa.delete(uploads).where(late).returning(uploads.c.id)))
    for id in gone:
        forget(desk, id)


async def append(
    desk: Desk,
    id: str,
    start: int,
    body: AsyncIterator[bytes],
    checksum: Checksum | None = None,
) -> Upload:
    """Add ``body`` to an upload at the byte ``start`` and return how far it is then.

    Whatever comes is kept, also where the connection breaks or another request takes over.

    Raises:
        NotFound: There is no such upload.
        OffsetConflict: It has another number of bytes.
        ChecksumMismatch: The bytes are not those of the checksum; none is kept.
        Locked: Another request took over.
    """
    async with desk.arrivals.turn(id) as leave:
        now = await run_in_threadpool(find, desk, id)
        if now.offset != start:
            raise OffsetConflict(
                f"the upload has {now.offset} bytes, not {start}", hint="Go on from there."
            )
        if now.sha256:  # nothing is left to come, and hashing it again would take long
            async for data in body:
                if data:
                    raise arrivals.too_many(now.size)
            return now
        opened = arrivals.tail(
            path(desk, now),
            now.size,
            desk.arrivals.hashes.pop(id, None),
            lambda: check_disk(desk.settings.home, desk.settings.disk_reserve),
            checksum,
        )
        tail = await run_in_threadpool(opened.__enter__)
        try:
            await _pump(body, tail, leave)
            await run_in_threadpool(tail.check)
        finally:
            await run_in_threadpool(opened.__exit__, None, None, None)
            await run_in_threadpool(_record, desk, id, tail)
        return await run_in_threadpool(find, desk, id)


async def _pump(body: AsyncIterator[bytes], tail: Tail, leave: asyncio.Event) -> None:
    buffer = bytearray()
    wanted = asyncio.create_task(leave.wait())
    try:
        while True:
            piece = asyncio.ensure_future(anext(body, None))
            await asyncio.wait({piece, wanted}, return_when=asyncio.FIRST_COMPLETED)
            if not piece.done():
                piece.cancel()
                raise arrivals.locked()
            if (data := piece.result()) is None:
                break
            buffer += data
            if wanted.done():
                raise arrivals.locked()
            if len(buffer) >= CHUNK:
                full, buffer = bytes(buffer), bytearray()
                await run_in_threadpool(tail.write, full)
    finally:
        wanted.cancel()
        if buffer:
            await run_in_threadpool(tail.write, bytes(buffer))


def _record(desk: Desk, id: str, tail: Tail) -> None:
    """Write down that something came, and the hash of what is whole."""
    values: dict[str, object] = {"expires_at": time.time() + desk.settings.upload_seconds}
    if tail.offset == tail.size:
        values["sha256"] = tail.whole.hexdigest()
    else:
        desk.arrivals.hashes[id] = (tail.offset, tail.whole)
    with desk.engine.begin() as connection:
        connection.execute(sa.update(uploads).where(uploads.c.id == id).values(**values))
