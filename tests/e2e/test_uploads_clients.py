"""Resumable uploads by clients that others wrote: tuspy, and tus-js-client under Node."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient

SCRIPT = Path(__file__).parent.parent / "tus" / "upload.mjs"
JS_CLIENT = "tus-js-client@4.3.1"
SIZE = 24 * 1024**2 + 1


@pytest.fixture(scope="module")
def served(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serve(tmp_path_factory.mktemp("clients") / "home", workers=0) as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "net.onnx"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture(scope="module")
def js_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The entry of tus-js-client, installed into a folder of the tests' own."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("js")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), JS_CLIENT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"npm could not install {JS_CLIENT}: {done.stderr.strip()[-200:]}")
    return folder / "node_modules" / "tus-js-client" / "lib.esm" / "node" / "index.js"


def whole(served: Any, url: str, file: Path) -> bool:
    told = served.client.get(url).json()
    return bool(told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.mark.parametrize("checksums", [False, True], ids=["bare", "checksums"])
def test_tuspy_uploads_in_pieces_and_resumes(served: Any, file: Path, checksums: bool) -> None:
    client = TusClient(f"{served.client.base_url}/v1/uploads")
    values = {"chunk_size": 2**20 + 7, "upload_checksum": checksums}
    first = client.uploader(str(file), metadata={"filename": "网.onnx"}, **values)
    first.upload(stop_at=5 * 2**20)
    second = client.uploader(str(file), url=first.url, **values)
    assert second.offset == first.offset >= 5 * 2**20
    second.upload()
    assert whole(served, first.url, file)
    assert served.client.get(first.url).json()["name"] == "网.onnx"


def test_tus_js_client_resumes_after_five_breaks(served: Any, file: Path, js_client: Path) -> None:
    endpoint = f"{served.client.base_url}/v1/uploads"
    command = ["node", str(SCRIPT), str(js_client), endpoint, str(file), "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["resumed"] == 5
    assert whole(served, told["url"], file)
