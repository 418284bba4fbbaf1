"""Everything an operator can set: ``MODELPORT_...``, else one TOML file, else the machine."""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from modelport.engine import home_folder
from modelport.sandbox import default_limits
from modelport_api.webhooks import signature

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


FILE = "modelport.toml"
SECRETS = frozenset({"api_key", "admin_key", "webhook_secret", "database_url"})


def config_file() -> Path:
    """Return the TOML file of settings, which need not be there."""
    named = os.environ.get("MODELPORT_CONFIG", "").strip()
    return Path(named).expanduser() if named else home_folder() / FILE


class _File(TomlConfigSettingsSource):
    """The TOML file, in which a key that we do not know is an error and not a hope."""

    def __init__(self, cls: type[BaseSettings], path: Path) -> None:
        try:
            super().__init__(cls, path)
        except (OSError, ValueError) as error:
            raise WrongSettings([f"{path}: {error}"]) from error
        unknown = self.init_kwargs.keys() - cls.model_fields.keys()
        wrong = [f"{path}: there is no setting {name}" for name in sorted(unknown)]
        if os.environ.get("MODELPORT_CONFIG", "").strip() and not path.is_file():
            wrong.append(f"MODELPORT_CONFIG: {path} is not there")
        if SECRETS & self.init_kwargs.keys() and path.stat().st_mode & 0o077:
            wrong.append(f"{path}: holds a key, so nobody else may read it; run chmod 600")
        if wrong:
            raise WrongSettings(wrong)


class WrongSettings(Exception):
    """Settings that cannot be; ``sentences`` says which and why."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Settings(BaseSettings):
    """The settings of the service; ``GET /v1/limits`` shows those that concern a user."""

    model_config = SettingsConfigDict(
        env_prefix="MODELPORT_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback wants a key (see ``no_auth``)."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 for any that is free."""
    home: Path = Field(default_factory=home_folder)
    """Folder of the database, the models, the results, the environments."""
    database_url: SecretStr | None = None
    """postgresql://USER:PASSWORD@HOST/NAME; without it, a file in ``home``."""
    api_key: SecretStr | None = None
    """The key that requests must carry; made at the first start where one is needed."""
    admin_key: SecretStr | None = None
    """The operator's, to build environments by REST; without one, only on an open loopback."""
    no_auth: bool = False
    """Serve on other addresses than loopback without a key."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Names accepted besides the loopback ones, comma-separated; ``*``: any."""
    workers: int = Field(default=1, ge=0, le=64)
    """Worker processes that ``serve`` starts."""
    slots: int = Field(default_factory=_slots, ge=1, le=256)
    """Conversions that one worker runs at a time."""
    threads: int = Field(default_factory=_threads, ge=1)
    """CPU threads of one conversion."""
    memory: int = Field(default_factory=_memory, ge=64 * 1024**2)
    """Bytes of memory of one conversion's worker."""
    seconds: float = Field(default=1800.0, gt=0)
    """Wall time of one worker call."""
    job_seconds: float = Field(default=4 * 3600.0, gt=0)
    """Wall time of one conversion, all candidates and comparisons."""
    upload_bytes: int = Field(default_factory=_upload_bytes, ge=1)
    """Largest upload."""
    upload_seconds: float = Field(default=24 * 3600.0, gt=0)
    """How long a resumable upload is kept after its last byte."""
    retention_seconds: float = Field(default=24 * 3600.0, ge=0)
    """How long models and finished conversions are kept, unless told otherwise; 0: for ever."""
    storage_bytes: int | None = Field(default=None, ge=0)
    """All that models, artefacts and uploads may take; None: the disk."""
    body_bytes: int = Field(default=1024**2, ge=1024)
    """Largest body of a request that is no upload."""
    disk_reserve: int = Field(default=GIB, ge=0)
    """Bytes of disk that uploads leave free."""
    queue_limit: int = Field(default=1000, ge=1)
    """Conversions that may wait; more are answered with ``busy``."""
    beat_seconds: float = Field(default=3.0, gt=0)
    """How often a worker renews its lease."""
    lease_seconds: float = Field(default=15.0, gt=0)
    """How long a worker counts as alive after its last beat."""
    poll_seconds: float = Field(default=0.25, gt=0)
    """How often a worker looks for work."""
    insecure: bool = False
    """Run conversions although the machine lacks sandbox layers."""
    runner: tuple[str, ...] = (sys.executable, "-m", "modelport_api.jobs.runner")
    """Command that runs one attempt; the attempt's folder is appended."""
    webhook_secret: SecretStr | None = None
    """What callbacks are signed with, as whsec_BASE64; without it there are none."""
    webhook_allow: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts and networks that callbacks may go to although they are private or speak no TLS."""
    webhook_retry_seconds: float = Field(default=5.0, gt=0)
    """First pause before a failed callback is sent again; later ones are up to 14 hours."""
    log_format: Literal["text", "json"] = "text"
    """How the service logs: lines for people, or one JSON object a record."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from, best first: the call, the environment, the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _File(settings_cls, config_file())

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("api_key", "admin_key", "webhook_secret", "database_url", mode="before")
    @classmethod
    def _blank_is_unset(cls, key: object) -> object:
        # Compose files and unit files pass variables on that nobody has set, as "".
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        return None if isinstance(text, str) and not text.strip() else key

    @field_validator("allowed_hosts", "webhook_allow", mode="before")
    @classmethod
    def _listed(cls, hosts: object) -> object:
        if isinstance(hosts, str):
            return tuple(name.strip() for name in hosts.split(",") if name.strip())
        return hosts

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            signature.secrets(secret.get_secret_value())
        return secret

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith("postgresql://"):
            raise ValueError("not postgresql://...; without it, SQLite is used")
        return url

    @property
    def database(self) -> str:
        """Where jobs, models, events and the queue are kept, as SQLAlchemy names it."""
        if self.database_url is None:
            return f"sqlite:///{self.home / 'modelport.db'}"
        return self.database_url.get_secret_value().replace(":", "+psycopg:", 1)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load(**given: Any) -> Settings:  # noqa: ANN401  # the fields check them
    """Return the settings, those ``given`` before all others.

    Raises:
        WrongSettings: Some cannot be; says which, where they come from, and why.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise WrongSettings([_sentence(dict(one), given) for one in error.errors()]) from error
    except SettingsError as error:
        raise WrongSettings([f"MODELPORT_...: {error}"]) from error


def variable(name: str) -> str:
    """Return the environment variable of the setting ``name``."""
    return f"MODELPORT_{name.upper()}"


def origin(name: str) -> str:
    """Return where the value of the setting ``name`` comes from."""
    if variable(name) in {key.upper() for key in os.environ}:
        return variable(name)
    path = config_file()
    if path.is_file() and name in _File(Settings, path).init_kwargs:
        return str(path)
    made = Settings.model_fields[name].default_factory is not None
    return "this machine" if made else "default"


def _sentence(error: dict[str, Any], given: dict[str, Any]) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    where = f"--{name}" if name in given else origin(name) if name else "settings"
    named = where if where == variable(name) or where.startswith("--") else f"{where}: {name}"
    return f"{named}: {str(error['msg']).lower()}"
