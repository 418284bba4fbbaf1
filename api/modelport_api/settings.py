"""Everything an operator can set: environment variables ``MODELPORT_...``, else the machine."""

from __future__ import annotations

import ipaddress
import shutil
import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from modelport.engine import home_folder
from modelport.sandbox import default_limits

GIB = 1024**3


def _slots() -> int:
    # Below 5 GiB a second conversion would starve the first: a 500 MB model needs
    # several times its size while it is converted and compared.
    limits = default_limits()
    return max(1, min(limits.threads // 2, limits.memory // (5 * GIB)))


def _threads() -> int:
    return max(1, default_limits().threads // _slots())


def _memory() -> int:
    return default_limits().memory // _slots()


def _upload_bytes() -> int:
    free = shutil.disk_usage(Path.home()).free
    return max(GIB, min(20 * GIB, free // 4))


class Settings(BaseSettings):
    """The settings of the service; ``GET /v1/limits`` shows those that concern a user.

    Attributes:
        host: Address to listen on; anything but loopback wants a key (see ``no_auth``).
        home: Folder of the database, the models, the results, the environments.
        api_key: The key that requests must carry; made at the first start where one is needed.
        admin_key: The operator's: with it environments can be built and deleted by REST; without
            one, only where the service is this machine's own (loopback, no key, no other names).
        no_auth: Serve on other addresses than loopback without a key.
        allowed_hosts: Names accepted besides the loopback ones, comma-separated; ``*``: any.
        workers: Worker processes that ``serve`` starts.
        slots: Conversions that one worker runs at a time.
        threads: CPU threads of one conversion.
        memory: Bytes of memory of one conversion's worker.
        seconds: Wall time of one worker call.
        job_seconds: Wall time of one conversion, all candidates and comparisons.
        upload_bytes: Largest upload.
        upload_seconds: How long a resumable upload is kept after its last byte.
        storage_bytes: All that models, artefacts and uploads may take; None: the disk.
        body_bytes: Largest body of a request that is no upload.
        disk_reserve: Bytes of disk that uploads leave free.
        queue_limit: Conversions that may wait; more are answered with ``busy``.
        beat_seconds: How often a worker renews its lease.
        lease_seconds: How long a worker counts as alive after its last beat.
        poll_seconds: How often a worker looks for work.
        insecure: Run conversions although the machine lacks sandbox layers.
        runner: Command that runs one attempt; the attempt's folder is appended.
    """

    model_config = SettingsConfigDict(env_prefix="MODELPORT_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    home: Path = Field(default_factory=home_folder)
    api_key: SecretStr | None = None
    admin_key: SecretStr | None = None
    no_auth: bool = False
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    workers: int = Field(default=1, ge=0, le=64)
    slots: int = Field(default_factory=_slots, ge=1, le=256)
    threads: int = Field(default_factory=_threads, ge=1)
    memory: int = Field(default_factory=_memory, ge=64 * 1024**2)
    seconds: float = Field(default=1800.0, gt=0)
    job_seconds: float = Field(default=4 * 3600.0, gt=0)
    upload_bytes: int = Field(default_factory=_upload_bytes, ge=1)
    upload_seconds: float = Field(default=24 * 3600.0, gt=0)
    storage_bytes: int | None = Field(default=None, ge=0)
    body_bytes: int = Field(default=1024**2, ge=1024)
    disk_reserve: int = Field(default=GIB, ge=0)
    queue_limit: int = Field(default=1000, ge=1)
    beat_seconds: float = Field(default=3.0, gt=0)
    lease_seconds: float = Field(default=15.0, gt=0)
    poll_seconds: float = Field(default=0.25, gt=0)
    insecure: bool = False
    runner: tuple[str, ...] = (sys.executable, "-m", "modelport_api.jobs.runner")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("api_key", "admin_key", mode="before")
    @classmethod
    def _blank_is_unset(cls, key: object) -> object:
        # Compose files and unit files pass variables on that nobody has set, as "".
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        return None if isinstance(text, str) and not text.strip() else key

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _listed(cls, hosts: object) -> object:
        if isinstance(hosts, str):
            return tuple(name.strip() for name in hosts.split(",") if name.strip())
        return hosts

    @property
    def database_url(self) -> str:
        """Where jobs, models, events and the queue are kept."""
        return f"sqlite:///{self.home / 'modelport.db'}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
