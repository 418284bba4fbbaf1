"""A client of tus 1.0 that sends what a test tells it, right or wrong."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import time
from typing import Any

import httpx

TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream"}
DATA = os.urandom(3 * 1024**2 + 17)


def begin(served: Any, size: int, name: str = "net.onnx", **more: Any) -> httpx.Response:
    metadata = f"filename {base64.b64encode(name.encode()).decode()}"
    headers = {**TUS, "upload-length": str(size), "upload-metadata": metadata}
    return served.client.post("/v1/uploads", headers={**headers, **more.pop("headers", {})}, **more)


def begun(served: Any, size: int = len(DATA), name: str = "net.onnx") -> str:
    return str(begin(served, size, name).headers["location"])


def send(served: Any, path: str, offset: int, data: Any, **headers: str) -> httpx.Response:
    return served.client.patch(
        path, content=data, headers={**PIECE, "upload-offset": str(offset), **headers}
    )


def offset(served: Any, path: str) -> int:
    return int(served.client.head(path, headers=TUS).headers["upload-offset"])


def kept(served: Any, path: str) -> bytes:
    folder = served.settings.home / "uploads" / path.rpartition("/")[2]
    (file,) = folder.glob("[!.]*")
    return bytes(file.read_bytes())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def cut(served: Any, path: str, start: int, data: bytes, *more: str) -> socket.socket:
    """Announce all bytes, send ``data`` alone, and leave the connection open."""
    stream = socket.create_connection(("127.0.0.1", served.settings.port), 30)
    lines = [
        f"PATCH {path} HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0",
        "Content-Type: application/offset+octet-stream", f"Upload-Offset: {start}",
        f"Content-Length: {len(DATA) - start}", *more, "", "",
    ]  # fmt: skip
    stream.sendall("\r\n".join(lines).encode() + data)
    return stream


def arrived(served: Any, path: str, wanted: int) -> None:
    deadline = time.monotonic() + 20
    while served.client.get(path).json()["offset"] < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.05)
