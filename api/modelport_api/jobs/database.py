"""Opens and migrates the one database: our tables and the queue's, in the same one.

Source of the pragmas: docs/adr/0003-job-engine.md. WAL cut the p95 of requests fourfold
while workers write; it is a property of the file, so the queue's connections have it too.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS

from modelport_api import migrations
from modelport_api.settings import Settings

MIGRATING = 0x6D6F64656C  # any number that others do not lock by
BUSY_MILLISECONDS = 30_000  # what the queue's own connections wait for the write lock
MIGRATIONS = Path(migrations.__file__).parent


def connect(settings: Settings) -> sa.Engine:
    """Return an engine on the database; the file is made if it is not there."""
    engine = sa.create_engine(
        settings.database,
        pool_size=10,
        max_overflow=30,
        pool_pre_ping=settings.database_url is not None,  # it may have been started anew
        json_serializer=written,
    )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _pragmas)
    return engine


def written(value: Any) -> str:  # noqa: ANN401  # any JSON
    """Return JSON that every database keeps: PostgreSQL refuses zeros and half characters."""
    return json.dumps(_clean(value))


def _clean(value: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value


def clean(text: str) -> str:
    """Return a text without what PostgreSQL refuses."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


def _pragmas(connection: Any, _record: Any) -> None:  # noqa: ANN401  # DBAPI, untyped
    # Two deferred transactions that both read and then write would deadlock.
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def migrate(settings: Settings) -> None:
    """Bring our tables and the queue's to the newest form; one process at a time."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o755)
    with (settings.home / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = connect(settings)
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # other machines have other lock files
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            if _version(connection) != migrations.HEAD:
                _upgrade(connection)
        engine.dispose()
        # A client of the queue creates no tables, so this comes before any.
        DBOS.migrate(settings.database)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(migrations.TABLE):
        return None
    found: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {migrations.TABLE}"))  # noqa: S608
    return found


def _upgrade(connection: sa.Connection) -> None:
    # Alembic is slow to import, and most starts have nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
