"""One running service for all hostile uploads, and what it answered to each."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from mutations.case import Case, Files
from mutations.table import TABLE

HERE = Path(__file__).parent
CANARY = Path("/tmp/modelport-canary")
MADE = ("ort", "torchscript", "pt2", "ncnn", "mnn", "openvino")
OWN = ("report.json", "report.html", "logs/")
WIDE = "alike,different,structural,unverified"
SECONDS, MEMORY, UPLOAD = 60.0, 3 << 30, 400 << 20


def _serving() -> Any:
    """Return the module that starts services for the end-to-end tests."""
    path = HERE.parent / "e2e" / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["serving"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@dataclass
class Attacked:
    """The service under attack.

    Attributes:
        sound: Files of a sound model by format; ``written`` holds the mutated ONNX models.
        verdicts: What became of the sound model on its way to each format.
        calm: Processes of the service before the first attack.
    """

    served: Any
    sound: dict[str, Files] = field(default_factory=dict[str, Files])
    verdicts: dict[str, str] = field(default_factory=dict[str, str])
    calm: int = 0

    def put(self, files: Files, source: str = "") -> httpx.Response:
        """Upload."""
        return self._send("PUT", "/v1/models", {"source": source}, files)

    def convert(self, files: Files, to: str) -> httpx.Response:
        """Upload and convert; any verdict is taken."""
        return self._send("POST", "/v1/convert", {"to": to, "wait": 300, "accept": WIDE}, files)

    def _send(self, method: str, path: str, query: dict[str, Any], files: Files) -> httpx.Response:
        sent = [("file", (name, content)) for name, content in files.items()]
        base = self.served.client.base_url
        with httpx.Client(base_url=base, timeout=400.0, trust_env=False) as client:
            return client.request(method, path, params=query, files=sent)

    def processes(self) -> list[str]:
        """Return the command lines of all processes that descend from the service."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[0] != "Z":
                    parents[int(entry.name)] = int(fields[1])
        found = {self.served.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return [_line(pid) for pid in sorted(found)]


def _line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@dataclass(frozen=True)
class Outcome:
    """The two answers to one case, and the memory of the server behind the second, in bytes."""

    put: httpx.Response
    convert: httpx.Response
    memory: int


@pytest.fixture(scope="session")
def attacked(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """The service with small limits, and the sound models that it makes itself."""
    folder = tmp_path_factory.mktemp("hostile")
    subprocess.run([base_python, HERE / "onnx_mutations.py", folder / "onnx"], check=True)
    written = {path.name: path.read_bytes() for path in (folder / "onnx").iterdir()}
    # Anybody may write there, so that an escape would succeed.
    CANARY.mkdir(exist_ok=True)
    CANARY.chmod(0o777)
    limits = {"seconds": SECONDS, "job_seconds": 2 * SECONDS, "memory": MEMORY, "threads": 1}
    with _serving().service(
        folder / "home", **limits, slots=2, upload_bytes=UPLOAD, disk_reserve=0
    ) as served:
        served.ready()
        found = Attacked(served)
        onnx = {"sound.onnx": written["sound.onnx"]}
        found.sound = {"onnx": onnx, "written": written}
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda format: found.convert(onnx, format), MADE))
        for format, answer in zip(MADE, answers, strict=True):
            found.verdicts[format] = answer.headers.get("modelport-verdict", answer.text[:500])
            if answer.status_code == 200:
                found.sound[format] = _model(answer.content)
        found.calm = len(found.processes())
        yield found
    if CANARY.is_dir() and not any(CANARY.iterdir()):
        CANARY.rmdir()


def _model(bundle: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        names = [name for name in archive.namelist() if not name.startswith(OWN)]
        return {name: archive.read(name) for name in names}


@pytest.fixture(scope="session")
def outcomes(
    attacked: Attacked, request: pytest.FixtureRequest
) -> Iterator[Mapping[str, Future[Outcome]]]:
    """The outcome of every case that was selected, two at a time, in order of the table."""
    asked = {
        item.callspec.params["case"].id
        for item in request.session.items
        if hasattr(item, "callspec") and "case" in item.callspec.params
    }
    with ThreadPoolExecutor(2) as pool:
        yield {case.id: pool.submit(_attack, attacked, case) for case in TABLE if case.id in asked}
        pool.shutdown(cancel_futures=True)


def _attack(attacked: Attacked, case: Case) -> Outcome:
    files = case.files(attacked.sound)
    put = attacked.put(files)
    convert = attacked.convert(files, case.to)
    if log := os.environ.get("MODELPORT_HOSTILE_LOG"):
        with Path(log).open("a") as stream:
            stream.write(f"{case.id}\t{_short(put)}\t{_short(convert)}\n")
    return Outcome(put, convert, attacked.served.memory())


def _short(answer: httpx.Response) -> str:
    seconds = answer.elapsed.total_seconds()
    if "json" not in answer.headers["content-type"]:
        return f"{answer.status_code} {seconds:.1f}s {answer.headers.get('modelport-verdict')}"
    told = answer.json()
    words = f"{told.get('code', '')} [{told.get('step', '')}] {str(told.get('detail', ''))[:160]}"
    return f"{answer.status_code} {seconds:.1f}s {words}"
