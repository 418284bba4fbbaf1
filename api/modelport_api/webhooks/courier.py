"""Makes the calls of the outbox, again and later where they fail; one task a serving process."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import random
import socket
import ssl
import threading
import time
from urllib.parse import SplitResult, urlsplit

import sqlalchemy as sa

from modelport import __version__
from modelport_api.jobs import outbox
from modelport_api.jobs.outbox import Call
from modelport_api.settings import Settings
from modelport_api.webhooks import address, signature

LOG = logging.getLogger("modelport")
LOOK_SECONDS = 1.0
TOTAL_SECONDS = 15.0  # of one call, however slowly the other side answers
AT_ONCE = 8
# Times the first pause: with 5 seconds, as Standard Webhooks proposes, up to 14 hours.
PAUSES = (1, 60, 360, 1440, 3600, 7200, 10080)
GONE = 410


class Courier:
    """Looks for calls that are due until it is stopped."""

    def __init__(self, settings: Settings, engine: sa.Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        secret = settings.webhook_secret
        self._keys = signature.secrets(secret.get_secret_value()) if secret else ()

    def start(self) -> None:
        """Begin; without a secret there is nothing to send."""
        if self._keys:
            self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; a call that is being made is made again by who looks next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                calls = await asyncio.to_thread(outbox.take, self._engine, AT_ONCE)
                await asyncio.gather(*(asyncio.to_thread(self._make, call) for call in calls))
            except sa.exc.SQLAlchemyError as error:
                LOG.warning("webhooks: %s", type(error).__name__)
                calls = []
            if not calls:
                await asyncio.sleep(LOOK_SECONDS)

    def _make(self, call: Call) -> None:
        parts = urlsplit(call.url)
        try:
            status = send(self._settings, self._keys, parts, call)
            said, good, last = f"status {status}", status // 100 == 2, status == GONE  # noqa: PLR2004  # 2xx
        except address.Refused as error:
            said, good, last = str(error), False, False
        except (OSError, http.client.HTTPException, ValueError) as error:
            said, good, last = type(error).__name__, False, False
        pause = None
        if not good and not last and call.attempt <= len(PAUSES):
            pause = self._settings.webhook_retry_seconds * PAUSES[call.attempt - 1]
            pause *= random.uniform(0.9, 1.1)  # noqa: S311  # no secret: not all at the same moment
        word = "delivered" if good else "failed" if pause is not None else "given-up"
        outbox.settle(self._engine, call, said=said, pause=pause, word=word)
        told = {"webhook": call.id, "host": parts.hostname, "attempt": call.attempt}
        LOG.info("webhook %s to %s, attempt %s: %s", *told.values(), said, extra={"told": told})


def send(settings: Settings, keys: tuple[bytes, ...], parts: SplitResult, call: Call) -> int:
    """Make a call and return the status of the answer; a redirect is an answer like others.

    Raises:
        Refused: It may not go there.
        OSError: It did not arrive.
    """
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    body = call.body.encode()
    connection = _Pinned(host, port, address.resolved(host, port, settings.webhook_allow), secure)
    alarm = threading.Timer(TOTAL_SECONDS, connection.cut)
    alarm.start()
    try:
        headers = signature.headers(keys, f"msg_{call.id}", int(time.time()), body)
        about = {"Content-Type": "application/json", "User-Agent": f"modelport/{__version__}"}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {**about, **headers})
        return connection.getresponse().status
    finally:
        alarm.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, under the name that was asked for."""

    def __init__(self, host: str, port: int, pinned: str, secure: bool) -> None:
        super().__init__(host, port, timeout=TOTAL_SECONDS)
        self._pinned = pinned
        self._context = ssl.create_default_context() if secure else None

    def connect(self) -> None:
        """Connect; the certificate must be that of the name."""
        self.sock = socket.create_connection((self._pinned, self.port), self.timeout)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End the connection under whoever reads from it."""
        with contextlib.suppress(OSError, AttributeError):  # it is not there yet, or no longer
            self.sock.shutdown(socket.SHUT_RDWR)
