"""A worker process: ``python -m modelport_api.jobs.worker [--id ID] [--lifeline]``.

Takes jobs from the queue, one child process each. With ``--lifeline`` it ends when its
standard input does, that is with the process that started it, however that died.
"""

from __future__ import annotations

import argparse
import logging
import logging.config
import os
import signal
import sys
import threading
import uuid
from types import FrameType

from modelport.sandbox import sweep
from modelport_api import logs, secrecy
from modelport_api.jobs import database, handler, lease
from modelport_api.jobs.engine_dbos import DbosEngine
from modelport_api.jobs.port import QUEUE
from modelport_api.settings import Settings, load

LOG = logging.getLogger("modelport")


def main() -> None:
    """Work until the process is told to stop; unfinished jobs go back to the queue."""
    parser = argparse.ArgumentParser(prog="modelport worker", description=__doc__)
    parser.add_argument("--id", default=uuid.uuid4().hex, help="fresh at every start")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input does")
    arguments = parser.parse_args()
    secrecy.withdraw()
    settings = load()
    logging.config.dictConfig(logs.configuration(settings.log_format))
    if arguments.lifeline:
        threading.Thread(target=_follow, daemon=True).start()
    work(settings, arguments.id)


def work(settings: Settings, worker: str) -> None:
    """Register ``worker`` and take jobs until the process ends."""
    sweep()  # what a worker that was killed here has left
    engine = database.connect(settings)
    queue = DbosEngine(settings.database, poll_seconds=settings.poll_seconds)
    lease.register(engine, worker, slots=settings.slots, queues=(QUEUE,))

    def reap() -> None:
        queue.reap(lease.live(engine, settings.lease_seconds))
        handler.reconcile(engine, queue)

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Conversions die by their lifelines; without a lease their jobs are handed over.
        lease.drop(engine, worker)
        os._exit(0)

    def ready() -> None:
        lease.keep(
            engine,
            worker,
            beat_seconds=settings.beat_seconds,
            lease_seconds=settings.lease_seconds,
            reap=reap,
        )
        reap()
        LOG.info("worker %s is ready", worker)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    queue.run_worker(
        worker, (QUEUE,), settings.slots, handler.handler(settings, engine, worker), ready
    )


def _follow() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
