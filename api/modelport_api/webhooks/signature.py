"""Signs calls as Standard Webhooks has it: HMAC-SHA256 over id, time and body.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes of a secret


def secrets(text: str) -> tuple[bytes, ...]:
    """Return the keys of ``whsec_...``, several of which are separated by spaces.

    Raises:
        ValueError: One is none.
    """
    found = []
    for word in text.split():
        key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
        if not word.startswith(PREFIX) or not LEAST <= len(key) <= MOST:
            raise ValueError(f"not {PREFIX} with {LEAST} to {MOST} bytes in base64")
        found.append(key)
    return tuple(found)


def headers(keys: Sequence[bytes], id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers of one call; a signature a key, so that keys can be changed."""
    told = f"{id}.{seconds}.".encode() + body
    signed = (base64.b64encode(hmac.digest(key, told, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{text}" for text in signed),
    }
