"""``serve``: the server, the page and the workers, all from one command."""

from __future__ import annotations

import uvicorn

from modelport_api.app import create
from modelport_api.jobs import database
from modelport_api.jobs.supervisor import Supervisor
from modelport_api.settings import Settings
from modelport_api.storage import places

STOP_SECONDS = 3  # that open requests have when the server stops


def serve(settings: Settings) -> None:
    """Serve until told to stop; the workers end with this process, however it ends."""
    database.migrate(settings)
    places.sweep(settings.home)
    supervisor = Supervisor(settings)
    supervisor.start()
    try:
        uvicorn.run(
            create(settings),
            host=settings.host,
            port=settings.port,
            log_level="info",
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    finally:
        supervisor.stop()
