"""Keeps N worker processes alive beside the server, and takes them along when it ends."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass

from modelport_api.jobs import database, lease
from modelport_api.settings import SECRETS, Settings

LOG = logging.getLogger("modelport")
CHECK_SECONDS = 0.2
FIRST_DELAY, LAST_DELAY = 0.5, 30.0  # seconds between restarts of one that keeps dying
STEADY_SECONDS = 60.0  # a worker that lived this long has its delay forgotten
STOP_SECONDS = 5.0
KEYS = frozenset({f"MODELPORT_{name}" for name in ("API_KEY", "ADMIN_KEY", "WEBHOOK_SECRET")})


@dataclass
class _Place:
    """One of the N workers: the process at this moment, and when the next may start."""

    process: subprocess.Popen[bytes] | None = None
    worker: str = ""
    started: float = 0.0
    delay: float = FIRST_DELAY
    due: float = 0.0


class Supervisor:
    """Starts ``settings.workers`` workers, restarts those that die; ``stop`` ends them all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = database.connect(settings)
        self._places = [_Place() for _ in range(settings.workers)]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the workers; returns at once."""
        for place in self._places:
            self._spawn(place)
        self._thread.start()

    def pids(self) -> list[int]:
        """Return the process ids of the workers that run."""
        return [place.process.pid for place in self._places if place.process is not None]

    def stop(self) -> None:
        """End the workers; what they were doing goes back to the queue."""
        self._stopped.set()
        self._thread.join()
        running = [place.process for place in self._places if place.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._engine.dispose()

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_SECONDS):
            for place in self._places:
                if place.process is None:
                    if time.monotonic() >= place.due:
                        self._spawn(place)
                elif place.process.poll() is not None:
                    self._bury(place)

    def _spawn(self, place: _Place) -> None:
        place.worker = uuid.uuid4().hex
        place.started = time.monotonic()
        # A worker answers nobody, so it has no use for the keys.
        kept = {name: value for name, value in os.environ.items() if name not in KEYS}
        place.process = subprocess.Popen(
            [sys.executable, "-m", "modelport_api.jobs.worker", "--lifeline", "--id", place.worker],
            # Held open for as long as we live, however we end.
            stdin=subprocess.PIPE,
            env={**kept, **environment(self._settings)},
            # A Ctrl-C at the terminal is the server's to handle.
            start_new_session=True,
        )

    def _bury(self, place: _Place) -> None:
        process = place.process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        LOG.warning("worker %s ended with status %s", place.worker, process.returncode)
        # We know that it is dead; nobody has to wait for its lease to run out.
        lease.drop(self._engine, place.worker)
        steady = time.monotonic() - place.started > STEADY_SECONDS
        place.delay = FIRST_DELAY if steady else min(place.delay * 2, LAST_DELAY)
        place.due = time.monotonic() + place.delay
        place.process = None


def environment(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables, without the keys, for our own processes."""
    own = {"allowed_hosts", "runner", "webhook_allow", *SECRETS}
    values = settings.model_dump(mode="json", exclude=own)
    variables = {
        f"MODELPORT_{name.upper()}": str(value)
        for name, value in values.items()
        if value is not None
    }
    if settings.database_url is not None:  # a worker works on it; what it starts does not get it
        variables["MODELPORT_DATABASE_URL"] = settings.database_url.get_secret_value()
    runner = settings.model_dump_json(include={"runner"})
    return {**variables, "MODELPORT_RUNNER": runner.partition(":")[2].rstrip("}")}
