"""Environments through the doors: refused where missing, built on demand, watched, deleted.

A plugin from outside brings an environment of one package, which comes from a folder of wheels.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wheels import wheel

from modelport.sandbox import layers

PLUGIN = Path(__file__).resolve().parents[1] / "plugins" / "modelport_pinned"
ADMIN = "admin-d41d8cd98f00b204"
COMMAND = "modelport env build pinned"
pytestmark = pytest.mark.skipif(not layers().enough, reason="no sandbox on this machine")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the plugin installed, an index of wheels and no environment."""
    root = tmp_path_factory.mktemp("machine")
    site, info = root / "site", root / "site" / "modelport_pinned-1.0.dist-info"
    shutil.copytree(PLUGIN, site / "modelport_pinned", ignore=shutil.ignore_patterns("__pycache__"))
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modelport-pinned\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelport.plugins]\npinned = modelport_pinned\n")
    (root / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        wheel(root / "wheels", "modelport_net", version)
    root.chmod(0o755)
    (root / "numbers.sum").write_text("SUM 1 2 3")
    variables = {
        "PYTHONPATH": str(site), "MODELPORT_PLUGINS": "pinned",
        "MODELPORT_HOME": str(root / "home"), "MODELPORT_ENVS": str(root / "envs"),
        "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": str(root / "wheels"),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield root


@pytest.fixture
def bare(machine: Path) -> Path:
    """The machine without any environment built."""
    shutil.rmtree(machine / "envs", ignore_errors=True)
    return machine


def modelport(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "modelport_api.cli", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def state() -> str:
    told = json.loads(modelport("env", "list", "--json").stdout)
    return str(next(one["state"] for one in told["environments"] if one["name"] == "pinned"))


def test_a_conversion_builds_what_it_lacks_where_it_is_told_to(bare: Path) -> None:
    words = ("convert", bare / "numbers.sum", "--to", "total", "-o", bare / "out", "--force")
    refused = modelport(*words)
    assert (refused.returncode, COMMAND in refused.stderr) == (1, True), refused.stderr
    done = modelport(*words, "--build-env")
    assert done.returncode == 0, done.stderr
    assert "environment: pinned: package 1 of 1: modelport-net==1.0" in done.stderr
    assert (bare / "out" / "numbers.total").read_text() == "TOTAL 6 1.0"
    assert state() == "ready"


def test_a_build_that_fails_says_why_to_whoever_asks_later(bare: Path) -> None:
    hidden = (bare / "wheels").rename(bare / "hidden")
    try:
        words = ("convert", bare / "numbers.sum", "--to", "total", "-o", bare / "none")
        failed = modelport(*words, "--build-env")
    finally:
        hidden.rename(bare / "wheels")
    assert (failed.returncode, "modelport-net==1.0" in failed.stderr) == (5, True), failed.stderr
    assert state() == "broken"
    assert "modelport-net==1.0" in modelport("env", "list").stdout
    assert modelport("env", "build", "pinned").returncode == 0
    assert state() == "ready"


def test_two_versions_stand_side_by_side(bare: Path) -> None:
    out = bare / "two"
    words = ("convert", bare / "numbers.sum", "--to", "total", "-o", out, "--build-env")
    versions = ("--using", "modelport-net@1.0", "--using", "modelport-net@2.0")
    done = modelport(*words, *versions)
    assert done.returncode == 0, done.stderr
    assert (out / "numbers.total").read_text() == "TOTAL 6 1.0"
    assert (out / "modelport-net@2.0" / "numbers.total").read_text() == "TOTAL 6 2.0"
    told = json.loads((out / "report.json").read_text())["versions"]
    assert [(one["using"], one["verdict"], one["tools"]["modelport-net"]) for one in told] == [
        ("modelport-net@1.0", "unverified", "1.0"),
        ("modelport-net@2.0", "unverified", "2.0"),
    ]
    assert "no runtime runs total" in told[1]["apart"]["reason"]
    other = modelport(*words, "--force", "--using", "modelport-net@3.0")
    assert (other.returncode, "modelport-net@1.0, modelport-net@2.0" in other.stderr) == (1, True)


def watched(service: Any, last: str = "", headers: Any = None) -> list[dict[str, Any]]:
    """Return the events of the build after ``last``, until the stream ends."""
    return service.events("/v1/environments/pinned/events", last, headers)


def test_an_environment_is_built_watched_and_deleted_by_rest(serve: Any, bare: Path) -> None:
    with serve(bare / "home", workers=0) as found:
        ask, path = found.client.request, "/v1/environments/pinned"
        upload = ask("PUT", "/v1/models", params={"filename": "a.sum"}, content=b"SUM 1 2")
        wish = {"model": upload.json()["id"], "target": "total"}
        refused = ask("POST", "/v1/conversions", json=wish)
        assert (refused.status_code, COMMAND in refused.json()["hint"]) == (503, True)
        other = ask("POST", "/v1/conversions", json={**wish, "using": ["modelport-net@9"]})
        assert (other.status_code, other.json()["code"]) == (422, "bad-option")
        assert "modelport-net@2.0" in other.json()["hint"]
        assert ask("GET", f"{path}/events").status_code == 204
        begun = ask("POST", path)
        assert (begun.status_code, begun.json()["state"]) == (202, "building")
        assert ask("POST", path).status_code == 202, "a second request joins the first"
        told = watched(found)
        states = [one["data"]["state"] for one in told if one["event"] == "state"]
        stages = [one["data"] for one in told if one["event"] == "stage"]
        assert states == ["building", "ready"]
        assert [one["fraction"] for one in stages] == sorted(one["fraction"] for one in stages)
        assert any("modelport-net==1.0" in one["detail"] for one in stages)
        assert str(bare) not in json.dumps(told), "no path of the server"
        assert watched(found, told[2]["id"]) == told[3:]
        ready = ask("GET", path).json()
        assert (ready["state"], ready["command"], ready["size"] > 0) == ("ready", "", True)
        assert {"name": "modelport-net", "version": "1.0"} in ready["packages"]
        assert ask("POST", path).status_code == 200, "what is ready is not built again"
        assert ask("POST", "/v1/conversions", json=wish).status_code == 202
        in_use = ask("DELETE", path)
        assert (in_use.status_code, in_use.json()["code"]) == (409, "in-use")
        for one in ask("GET", "/v1/conversions").json()["conversions"]:
            ask("DELETE", f"/v1/conversions/{one['id']}")
        assert ask("DELETE", path).status_code == 204
        assert ask("GET", path).json()["state"] == "missing"


def test_a_build_is_ended_by_its_deletion_and_with_the_service(serve: Any, bare: Path) -> None:
    path = "/v1/environments/pinned"
    with serve(bare / "home", workers=0) as found:
        found.client.post(path)
        assert found.client.delete(path).status_code == 204
        assert found.client.get(path).json()["state"] == "missing"
        states = [one["data"]["state"] for one in watched(found) if one["event"] == "state"]
        assert states[-1] in {"missing", "broken"}
        found.client.post(path)
    assert state() == "missing"
    assert modelport("env", "build", "pinned").returncode == 0


@pytest.mark.parametrize(
    ("values", "headers", "status"),
    [
        pytest.param({"api_key": "user"}, {"x-api-key": "user"}, 403, id="a-users-key"),
        pytest.param({"no_auth": True, "host": "0.0.0.0", "allowed_hosts": ("*",)}, {}, 403,
                     id="open-to-strangers"),
        pytest.param({"allowed_hosts": ("models.example",)}, {}, 403, id="behind-a-proxy"),
        pytest.param({"admin_key": ADMIN}, {}, 403, id="no-admin-key"),
        pytest.param({"admin_key": ADMIN}, {"x-api-key": ADMIN[:-1]}, 403, id="wrong-admin-key"),
        pytest.param({"admin_key": ADMIN, "api_key": "u"}, {"x-api-key": ADMIN}, 202, id="admin"),
        pytest.param({}, {"origin": "https://elsewhere.example"}, 403, id="another-page"),
    ],
)  # fmt: skip
def test_only_the_operator_builds(
    serve: Any, bare: Path, values: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    with serve(bare / "home", workers=0, **values) as found:
        answer = found.client.post("/v1/environments/pinned", headers=headers)
        assert answer.status_code == status, answer.text
        gone = found.client.delete("/v1/environments/pinned", headers=headers)
        assert gone.status_code == (204 if status == 202 else status)


def test_a_builder_gets_no_key(serve: Any, bare: Path) -> None:
    with serve(bare / "home", workers=0, admin_key=ADMIN, api_key="user-key") as found:
        found.client.post("/v1/environments/pinned", headers={"x-api-key": ADMIN})
        seen = [variables(pid) for pid in children(found.process.pid)]
    assert seen
    assert not any(ADMIN in one or "user-key" in one for one in seen)


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for path in tasks for word in path.read_text().split()]


def variables(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_bytes().decode() if os.getuid() == 0 else ""
