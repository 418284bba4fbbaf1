"""Imports OneFlow inside a job, where there is no network."""

from __future__ import annotations

import os
from typing import Any

# Read when OneFlow is imported: one process that talks to nobody.
ALONE = {
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "1",
    "WORLD_SIZE": "1",
    "RANK": "-1",
    "LOCAL_RANK": "0",
}


class _Port:
    """Answers for the socket with which OneFlow looks for a free port that it never uses."""

    def __init__(self, *_: Any) -> None:
        pass

    def bind(self, *_: Any) -> None:
        pass

    def setsockopt(self, *_: Any) -> None:
        pass

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 1

    def close(self) -> None:
        pass


def library(threads: int = 1) -> Any:
    """Return the module ``oneflow``, set to ``threads`` threads."""
    import socket

    os.environ.update(ALONE)
    kept, found = socket.socket, socket
    found.socket = _Port  # type: ignore[misc,assignment]  # for the import alone
    try:
        import oneflow as flow
    finally:
        found.socket = kept  # type: ignore[misc]
    flow.set_num_threads(threads)
    return flow
