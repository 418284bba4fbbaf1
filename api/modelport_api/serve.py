"""``serve``: the server, the page and the workers, all from one command."""

from __future__ import annotations

import logging
import logging.config

import uvicorn

from modelport.sandbox import layers, summary
from modelport_api import logs, secrecy
from modelport_api.app import create
from modelport_api.jobs import database
from modelport_api.jobs.supervisor import Supervisor
from modelport_api.settings import Settings
from modelport_api.storage import places

LOG = logging.getLogger("modelport")
STOP_SECONDS = 3  # that open requests have when the server stops


def serve(settings: Settings) -> None:
    """Serve until told to stop; the workers end with this process, however it ends."""
    secrecy.withdraw()
    logging.config.dictConfig(logs.configuration(settings.log_format))
    database.migrate(settings)
    places.sweep(settings.home)
    _announce_sandbox()
    supervisor = Supervisor(settings)
    supervisor.start()
    try:
        uvicorn.run(
            create(settings),
            host=settings.host,
            port=settings.port,
            log_level="info",
            log_config=logs.configuration(settings.log_format),
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    finally:
        supervisor.stop()


def _announce_sandbox() -> None:
    """Log what protects the machine from models, and what is missing; sweeps leftovers first."""
    found = layers()
    state = ", ".join(f"{name} {value}" for name, value in summary(found.in_force).items())
    LOG.info("sandbox: %s", state)
    for sentence in found.degraded:
        LOG.warning("sandbox, degraded: %s", sentence)
