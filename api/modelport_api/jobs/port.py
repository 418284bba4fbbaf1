"""The port to the job engine: the six calls that the rest of the service may use."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import sqlalchemy as sa

QUEUE = "base"  # one queue a capability set; this release has one

Handler = Callable[[str], Awaitable[None]]


class EngineStatus(enum.StrEnum):
    """Where a job stands in the queue; what users see is ``jobs.state``."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"
    UNKNOWN = "unknown"


class JobEngine(Protocol):
    """A durable queue of job ids with at-least-once delivery."""

    def submit(
        self, connection: sa.Connection, job: str, *, queue: str, seconds: float, priority: int = 0
    ) -> None:
        """Enqueue ``job`` inside the caller's transaction, so that row and place are one commit.

        Args:
            connection: Of the database that holds the queue as well.
            job: Id of the row in ``jobs``; all that ever enters the queue.
            queue: Name of the capability set that the job needs.
            seconds: Backstop on the running time; the handler has its own, shorter limit.
            priority: Smaller first; 0 is before every other.
        """

    def cancel(self, job: str) -> None:
        """Take ``job`` from the queue; a handler at work on it gets ``CancelledError``."""

    def statuses(self, jobs: Sequence[str]) -> dict[str, EngineStatus]:
        """Return where each of ``jobs`` stands; those never submitted are ``UNKNOWN``."""

    def pending(self) -> int:
        """Return how many jobs wait, for admission."""

    def run_worker(
        self,
        worker: str,
        queues: Sequence[str],
        slots: int,
        handler: Handler,
        ready: Callable[[], None],
    ) -> None:
        """Work until the process ends: await ``handler(job)``, at most ``slots`` at a time.

        Args:
            worker: Id of this process, registered in the lease table before this call.
            queues: Capability sets served.
            slots: Handlers at a time.
            handler: Async; its job is delivered again if this process dies in it.
            ready: Called once when jobs are taken.
        """

    def reap(self, live: set[str]) -> int:
        """Hand over the jobs of every worker that is not ``live``; return how many.

        Level-triggered: any worker may call it at any time and as often as it likes.
        """
