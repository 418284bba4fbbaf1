"""What every route needs, made once a process: settings, database, queue, house, tailer."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from anyio import CapacityLimiter
from fastapi import Depends, Request

from modelport.engine import House
from modelport_api.builds import Builder
from modelport_api.house import open_house
from modelport_api.jobs.events import Tailer
from modelport_api.jobs.port import JobEngine
from modelport_api.settings import Settings
from modelport_api.storage.arrivals import Arrivals


@dataclass
class Desk:
    """The service's own; lives as long as the process serves.

    Attributes:
        inspections: How many uploads are looked into at once, each by a worker with all of
            a conversion's memory; the others wait without holding a thread.
        arrivals: The resumable uploads that are being written.
    """

    settings: Settings
    engine: sa.Engine
    queue: JobEngine
    tailer: Tailer
    builder: Builder
    inspections: CapacityLimiter = field(init=False)
    arrivals: Arrivals = field(default_factory=Arrivals)
    _house: House | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Size what depends on the settings."""
        self.inspections = CapacityLimiter(max(2, self.settings.slots))

    @property
    def house(self) -> House:
        """The core's house; opening it loads the plugins, which the first answer need not await."""
        with self._lock:
            if self._house is None:
                self._house = open_house(self.settings)
            return self._house


def _of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


OurDesk = Annotated[Desk, Depends(_of)]
