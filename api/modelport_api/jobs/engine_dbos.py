"""The job engine on DBOS Transact: its queue, durability and retries behind our port.

Source: dbos-transact-py 3.4 (MIT). docs/adr/0003-job-engine.md has what was measured.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, EnqueueOptions

from modelport_api.jobs.port import EngineStatus, Handler

# Pinned: by default it is a hash of the source, and an upgrade would leave the
# jobs of the older version waiting for ever.
VERSION = "jobs-v1"
NAME = "modelport"
WORKFLOW = "convert"
# A job whose worker died this often is given up (dead), one start more than that.
RECOVERIES = 3

STATUS = {
    "ENQUEUED": EngineStatus.QUEUED,
    "DELAYED": EngineStatus.QUEUED,
    "PENDING": EngineStatus.RUNNING,
    "SUCCESS": EngineStatus.DONE,
    "ERROR": EngineStatus.FAILED,
    "CANCELLED": EngineStatus.CANCELLED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": EngineStatus.DEAD,
}


class DbosEngine:
    """Implements ``JobEngine`` on one database URL; tables must be there already."""

    def __init__(self, url: str, *, poll_seconds: float) -> None:
        self._url = url
        self._poll_seconds = poll_seconds
        _quieten()
        self._client = DBOSClient(system_database_url=url, application_name=NAME)

    def submit(
        self, connection: sa.Connection, job: str, *, queue: str, seconds: float, priority: int = 0
    ) -> None:
        """Enqueue ``job`` inside the caller's transaction."""
        options: EnqueueOptions = {
            "queue_name": queue,
            "workflow_name": WORKFLOW,
            "workflow_id": job,
            "app_version": VERSION,
            # The deadline outlives recoveries, so there is room for each of them.
            "workflow_timeout": seconds * (RECOVERIES + 1),
        }
        if priority:
            options["priority"] = priority
        self._client.enqueue_in_transaction(connection, options, job)

    def cancel(self, job: str) -> None:
        """Take ``job`` from the queue; its worker notices within a second."""
        self._client.cancel_workflow(job)

    def statuses(self, jobs: Sequence[str]) -> dict[str, EngineStatus]:
        """Return where each of ``jobs`` stands."""
        found = dict.fromkeys(jobs, EngineStatus.UNKNOWN)
        if jobs:
            for workflow in self._client.list_workflows(
                workflow_ids=list(jobs), load_input=False, load_output=False
            ):
                found[workflow.workflow_id] = STATUS[workflow.status]
        return found

    def pending(self) -> int:
        """Return how many jobs wait."""
        waiting = self._client.list_queued_workflows(status="ENQUEUED", load_input=False)
        return len(waiting)

    def run_worker(
        self,
        worker: str,
        queues: Sequence[str],
        slots: int,
        handler: Handler,
        ready: Callable[[], None],
    ) -> None:
        """Work until the process ends."""
        DBOS(
            config={
                "name": NAME,
                "system_database_url": self._url,
                "executor_id": worker,
                "application_version": VERSION,
                "log_level": "WARNING",
            }
        )

        # Async and preemptible: a synchronous step cannot be interrupted by a cancel.
        @DBOS.step(name="run", preemptible=True)
        async def run(job: str) -> None:
            await handler(job)

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=RECOVERIES)
        async def convert(job: str) -> None:
            await run(job)

        DBOS.listen_queues(list(queues))
        DBOS.launch()
        _quieten()
        for queue in queues:
            DBOS.register_queue(
                queue,
                worker_concurrency=slots,
                polling_interval_sec=self._poll_seconds,
                on_conflict="always_update",
            )
        ready()
        threading.Event().wait()

    def reap(self, live: set[str]) -> int:
        """Hand over the jobs of dead workers; in a process that runs ``run_worker`` only."""
        pending = self._client.list_workflows(status="PENDING", load_input=False, load_output=False)
        dead = {workflow.executor_id or "" for workflow in pending} - live
        if not dead:
            return 0
        # Private, and the right one: the public resume_workflow also revives cancelled
        # jobs and forgets how often a job has killed its worker.
        return len(DBOS._recover_pending_workflows(sorted(dead)))  # noqa: SLF001


def _expected(record: logging.LogRecord) -> bool:
    # The engine logs a cancelled job as an error, with its traceback.
    error = record.exc_info[1] if record.exc_info else None
    text = f"{record.getMessage()} {type(error).__name__}"
    return "ancelled" not in text


def _quieten() -> None:
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.WARNING)
    # Ours, above it, keeps one record on one line.
    logger.handlers.clear()
    logger.propagate = True
    if _expected not in logger.filters:
        logger.addFilter(_expected)
