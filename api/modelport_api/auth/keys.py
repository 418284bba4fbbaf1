"""The API key: given by the operator, or made at the first start where one is needed.

Only its SHA-256 is kept; a key of 256 random bits needs no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable

from modelport_api.settings import Settings

FILE = "api-key.sha256"


def digest(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def expected(settings: Settings, say: Callable[[str], None]) -> str | None:
    """Return the digest of the key that requests must carry, or None if none is needed.

    Loopback is open unless a key is set. On other addresses a key is made at the first
    start and told to ``say``, once; later starts know its digest only.
    """
    if settings.api_key is not None:
        return digest(settings.api_key.get_secret_value())
    if settings.loopback or settings.no_auth:
        return None
    path = settings.home / FILE
    if path.is_file():
        say(f"The API key is the one printed at the first start; remove {path} for a new one.")
        return path.read_text(encoding="ascii").strip()
    key = f"mp_{secrets.token_urlsafe(32)}"
    settings.home.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(digest(key))
    say(f"API key, shown once: {key}")
    return digest(key)


def administration(settings: Settings, key: str | None) -> str | None:
    """Return the digest of the operator's key; "" where none fits, None where all may do all.

    Who reaches a service on loopback that has no key and no other name is on its machine, and can
    as well run ``modelport env``. Anywhere else, whoever may convert is not the operator.

    Args:
        settings: The service's.
        key: What ``expected`` returned.
    """
    if settings.admin_key is not None:
        return digest(settings.admin_key.get_secret_value())
    alone = key is None and settings.loopback and not settings.allowed_hosts
    return None if alone else ""


def fits(given: str, wanted: str) -> bool:
    """Whether the key ``given`` has the digest ``wanted``, in constant time; none never fits."""
    return bool(given) and hmac.compare_digest(digest(given), wanted)
