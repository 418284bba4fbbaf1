"""Which workers are alive: a lease each, renewed by the database's clock.

The queue alone gives a dead worker's jobs back to that very worker only. Here a worker's
id is fresh at every start and never comes back, and any worker whose lease ran out is
dead: its jobs are handed over by whoever looks first (``JobEngine.reap``).
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from modelport_api.jobs import clock
from modelport_api.jobs.tables import workers

LOG = logging.getLogger("modelport")
# A worker that cannot prove it is alive for this share of the lease ends itself
# before another may take its jobs.
FENCE = 0.7
LOST = 70  # exit status of a worker that lost its lease


def register(engine: sa.Engine, worker: str, *, slots: int, queues: Sequence[str]) -> None:
    """Enter ``worker``; before it takes jobs, else the reaper takes them away again."""
    with engine.begin() as connection:
        now = clock.now(connection)
        connection.execute(
            sa.insert(workers).values(
                id=worker,
                host=socket.gethostname(),
                slots=slots,
                queues=list(queues),
                started_at=now,
                seen_at=now,
            )
        )


def beat(engine: sa.Engine, worker: str) -> bool:
    """Renew the lease; False if it is gone."""
    statement = sa.update(workers).where(workers.c.id == worker)
    with engine.begin() as connection:
        seen = clock.now(connection)
        return connection.execute(statement.values(seen_at=seen)).rowcount == 1


def drop(engine: sa.Engine, worker: str) -> None:
    """End the lease, so that the jobs are handed over at once."""
    with engine.begin() as connection:
        connection.execute(sa.delete(workers).where(workers.c.id == worker))


def live(engine: sa.Engine, lease_seconds: float) -> set[str]:
    """Return the workers whose lease holds; those whose lease ran out are struck off."""
    with engine.begin() as connection:
        expired = workers.c.seen_at < clock.now(connection) - lease_seconds
        connection.execute(sa.delete(workers).where(expired))
        return set(connection.scalars(sa.select(workers.c.id)))


def keep(
    engine: sa.Engine,
    worker: str,
    *,
    beat_seconds: float,
    lease_seconds: float,
    reap: Callable[[], None],
) -> None:
    """Renew the lease from a thread and ``reap`` after each beat; exit when it is lost.

    What the worker has started dies with it, by its lifeline.
    """

    def loop() -> None:
        proven = time.monotonic()
        while True:
            # Not all workers at the same moment.
            time.sleep(beat_seconds * random.uniform(0.8, 1.2))  # noqa: S311  # no secret
            try:
                if not beat(engine, worker):
                    os._exit(LOST)
                proven = time.monotonic()
                reap()
            except sa.exc.SQLAlchemyError as error:
                LOG.warning("lease: %s: %s", type(error).__name__, error)
                if time.monotonic() - proven > lease_seconds * FENCE:
                    os._exit(LOST)

    threading.Thread(target=loop, name="lease", daemon=True).start()
