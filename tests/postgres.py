"""A PostgreSQL of the tests' own, from the machine's package, on a free port of loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

import psycopg

USER = "postgres"


def missing() -> str:
    """Return why there can be none here, or ""."""
    if not _programs():
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and USER not in {entry.pw_name for entry in pwd.getpwall()}:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None


class Postgres:
    """A server with its data in ``folder``; ``restart`` and ``kill`` are for tests of faults."""

    def __init__(self, folder: Path) -> None:
        programs = _programs()
        assert programs is not None
        self._programs, self._data = programs, folder / "data"
        self._user = USER if os.geteuid() == 0 else None
        folder.chmod(0o711)
        self._data.mkdir()
        if self._user:
            shutil.chown(self._data, self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [programs / "initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "-D", self._data]
        subprocess.run(
            command, user=self._user, check=True, capture_output=True, env={"LC_ALL": "C.UTF-8"}
        )
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p {self.port}"
        self.process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *options.split()],
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self._url("postgres")).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.1)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT at once, with open connections cut."""
        self.process.send_signal(number)
        self.process.wait()

    def database(self) -> str:
        """Return the address of a fresh database."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"
