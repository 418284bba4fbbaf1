"""What the operator entrusts to the service never reaches a job: a converter looks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelport.sandbox import layers
from modelport_api import secrecy

PLUGIN = Path(__file__).resolve().parents[1] / "plugins" / "modelport_spy"
KEY = "key-d41d8cd98f00b204"
SECRETS = {
    "DATABASE_URL": "postgresql://modelport:password-e9800998ecf8@db/modelport",
    "PGPASSWORD": "pgpassword-b204e9800998",
    "AWS_ACCESS_KEY_ID": "AKIA-ecf8427e",
    "AWS_SECRET_ACCESS_KEY": "aws-98f00b204e98",
    "AWS_SESSION_TOKEN": "session-00998ecf8427e",
    "SOME_TOOL": "unknown-to-anybody-cf8427e",
}
MODEL = """
import sys, onnx
from onnx import TensorProto, helper
x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy")
graph = helper.make_graph([helper.make_node("Exp", ["x"], ["y"])], "g", [x], [y])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
          sys.argv[1])
"""

pytestmark = [
    pytest.mark.env("base"),
    pytest.mark.skipif(not layers().enough, reason="no sandbox on this machine"),
]


@pytest.fixture(scope="module")
def spied(
    serve: Any, base_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What the spy wrote, what the service kept of it, and what the service itself holds."""
    folder = tmp_path_factory.mktemp("spy")
    site, info = folder / "site", folder / "site" / "modelport_spy-1.0.dist-info"
    shutil.copytree(PLUGIN, site / "modelport_spy", ignore=shutil.ignore_patterns("__pycache__"))
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modelport-spy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelport.plugins]\nspy = modelport_spy\n")
    model = folder / "net.onnx"
    subprocess.run([base_python, "-c", MODEL, model], check=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SECRETS, "PYTHONPATH": str(site), "MODELPORT_PLUGINS": "spy"}.items():
            patch.setenv(name, value)
        with serve(folder / "home", api_key=KEY) as found:
            found.client.headers["authorization"] = f"Bearer {KEY}"
            found.ready()
            yield converted(found, model)


def converted(found: Any, model: Path) -> dict[str, Any]:
    query = {"to": "onnx.spy", "filename": "net.onnx"}
    answer = found.client.post("/v1/convert", params=query, content=model.read_bytes())
    assert answer.status_code == 200, answer.text
    here = f"/v1/conversions/{answer.headers['modelport-conversion']}"
    spied: httpx.Response = found.client.get(f"{here}/artifacts/spied.json")
    kept = [found.client.get(f"{here}/{name}").text for name in ("log", "report", "report.html")]
    attempt = next(found.settings.home.glob("jobs/*/1"))
    kept += [path.read_text("utf-8", "replace") for path in attempt.glob("*.*") if path.is_file()]
    server = Path(f"/proc/{found.process.pid}/environ")
    held = server.read_text() if os.access(server, os.R_OK) else None
    return {**spied.json(), "text": spied.text, "kept": "\n".join(kept), "held": held}


@pytest.mark.parametrize("name", ["MODELPORT_API_KEY", *SECRETS])
def test_no_secret_reaches_a_job_or_what_is_kept_of_it(spied: dict[str, Any], name: str) -> None:
    secret = SECRETS.get(name, KEY)
    assert secret not in spied["text"]
    assert secret not in spied["kept"]


def test_the_secrets_were_there_to_be_found(spied: dict[str, Any]) -> None:
    if spied["held"] is None:
        pytest.skip("the service's process is closed to its own user, as it should be")
    assert all(secret in spied["held"] for secret in (KEY, *SECRETS.values()))


def test_the_spy_saw_itself_and_nobody_else(spied: dict[str, Any]) -> None:
    assert spied["variables"]["USER"] == "job"
    assert "USER=job" in spied["self"]
    assert any("worker.py" in argument for argument in spied["arguments"])
    assert [
        line for line in spied["others"] if "worker.py" not in line and "USER=job" not in line
    ] == []


def test_no_descriptor_leads_out_of_the_job(spied: dict[str, Any]) -> None:
    job = Path(spied["variables"]["HOME"]).parent
    own = ("/dev/null", "/dev/urandom", "/proc/", f"{job}/")
    assert [name for name in spied["descriptors"] if not name.startswith(own)] == []


def test_the_folders_above_the_job_are_shut(spied: dict[str, Any]) -> None:
    told = [line for line in spied["above"] if "modelport.db" in line or "/models/" in line]
    assert told == []


def test_no_place_of_the_environment_can_be_written_to(spied: dict[str, Any]) -> None:
    assert spied["written"] == []


def test_a_process_that_withdrew_is_closed_to_others_of_its_user() -> None:
    code = (
        "from modelport.sandbox import kernel; from modelport_api import secrecy\n"
        "before = kernel.prctl(3); secrecy.withdraw(); print(before, kernel.prctl(3))"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        *[(name, False) for name in ("MODELPORT_API_KEY", "MODELPORT_DATABASE_URL", *SECRETS)],
        *[(name, False) for name in ("MODELPORT_S3_SECRET", "HTTPS_PROXY", "PIP_INDEX_URL")],
        *[(name, True) for name in ("PATH", "LC_ALL", "MODELPORT_HOME", "MODELPORT_PLUGINS")],
    ],
)
def test_a_conversion_gets_listed_variables_only(name: str, passed: bool) -> None:
    assert (name in secrecy.handed_on({name: "x"})) is passed
