"""Builds environments for the service: one process a build, its progress as events.

The builder is ``modelport env build``, so that the service itself installs nothing. It ends with
the service: what it has begun does not count as ready, and the next build removes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelport_api.jobs import events, supervisor, tables
from modelport_api.settings import Settings

Json = dict[str, Any]
STAGE = "environment"
# An absolute path of this machine, but no part of an address: pip and the builder name folders.
PATH = re.compile(r"(?<![\w:/.~-])/(?:[^\s/'\"]+/)+([^\s/'\"]*)")


def key(name: str) -> str:
    """Return under which job the events of the environment ``name`` are kept."""
    return hashlib.sha256(f"environment {name}".encode()).hexdigest()[:32]


def pathless(text: str) -> str:
    """Return ``text`` with the last part alone of each path of the server."""
    return PATH.sub(r"\1", text)


@dataclass(frozen=True)
class _Build:
    """A builder at work, and the thread that reads what it tells."""

    process: subprocess.Popen[str]
    thread: threading.Thread


class Builder:
    """Starts builders, tells of them, and ends them; lives as long as the process serves."""

    def __init__(self, settings: Settings, engine: sa.Engine) -> None:
        self._settings = settings
        self._engine = engine
        # Held while a builder's last event is written: who sees none running has all events.
        self._lock = threading.RLock()
        self._running: dict[str, _Build] = {}

    def running(self, name: str) -> bool:
        """Return whether a builder of ours is at work on ``name``."""
        with self._lock:
            return name in self._running

    def start(self, name: str, told: Callable[[str], Json]) -> None:
        """Begin to build ``name`` unless a builder of ours is at it.

        Args:
            name: Of a known environment.
            told: What a ``state`` event carries of ``name``.
        """
        with self._lock:
            if name in self._running:
                return
            with self._engine.begin() as connection:  # of an earlier build
                connection.execute(sa.delete(tables.events).where(tables.events.c.job == key(name)))
            process = self._process(name)
            thread = threading.Thread(target=self._follow, args=(name, told), daemon=True)
            self._running[name] = _Build(process, thread)
            self._append(name, events.STATE, told(name))
            thread.start()

    def stop(self, name: str) -> bool:
        """End the builder of ``name``; return whether there was one of ours."""
        build = self._running.get(name)
        if build is None:
            return False
        _kill(build.process)
        build.thread.join()
        return True

    def close(self) -> None:
        """End all builders."""
        for name in list(self._running):
            self.stop(name)

    def _process(self, name: str) -> subprocess.Popen[str]:
        kept = {k: v for k, v in os.environ.items() if k not in supervisor.KEYS}
        return subprocess.Popen(
            [sys.executable, "-m", "modelport_api.cli", "env", "build", name, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**kept, **supervisor.environment(self._settings)},
            start_new_session=True,
        )

    def _follow(self, name: str, told: Callable[[str], Json]) -> None:
        process = self._running[name].process
        with process:  # waits for its end
            for line in process.stdout or ():
                if stage := _stage(line):
                    self._append(name, events.STAGE, stage)
        with self._lock:
            del self._running[name]
            self._append(name, events.STATE, told(name))

    def _append(self, name: str, kind: str, data: Json) -> None:
        with self._engine.begin() as connection:
            events.append(connection, key(name), kind, data)


def _stage(line: str) -> Json:
    """Return a line of ``modelport env build --json`` as an event; {} for what a plugin printed."""
    try:
        told = json.loads(line)
        fraction, text = float(told["fraction"]), str(told["text"])
        text = text.removeprefix(f"environment {told['environment']}: ")
    except (ValueError, TypeError, KeyError):
        return {}
    return {"stage": STAGE, "fraction": fraction, "detail": pathless(text)}


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
