"""Hands out files of a result from open descriptors, so that what was checked is what is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from modelport.errors import PluginBug
from modelport.sandbox import held
from modelport_api.problems import NotFound


def descriptor(root: Path, name: str, size: int | None = None) -> int:
    """Return an open descriptor of the file ``name`` below ``root``; the caller closes it.

    Args:
        root: Folder of the service's own.
        name: Relative; no part of it may be a link.
        size: Bytes that the file was recorded with; None where nobody recorded it.

    Raises:
        NotFound: It is not there, no regular file of its own, or of another size.
    """
    try:
        found = held(root, name)
    except PluginBug as error:
        raise NotFound("no such file", hint="The conversion lists those there are.") from error
    if size is not None and os.fstat(found).st_size != size:
        os.close(found)
        raise NotFound("the file is not what it was", hint="Convert the model again.")
    return found


class Delivery(FileResponse):
    """A response with the file behind an open descriptor, which it closes in the end."""

    def __init__(self, found: int, headers: Mapping[str, str], media_type: str) -> None:
        self._found = found
        # Opened anew by way of /proc, which leads to the file itself, whatever its name is by now.
        super().__init__(
            f"/proc/self/fd/{found}",
            headers=headers,
            media_type=media_type,
            stat_result=os.fstat(found),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the ranges of it that were asked for."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._found)
