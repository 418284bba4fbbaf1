"""The built image in a real container: key, conversion, restart, notices.

MODELPORT_IMAGE names the image, MODELPORT_ENGINE the engine's command with its own options
("docker"), MODELPORT_ENGINE_RUN more options of ``run``. Containers get no network at all, so
everything is asked from inside.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

IMAGE = os.environ.get("MODELPORT_IMAGE", "")
ENGINE = shlex.split(os.environ.get("MODELPORT_ENGINE", "docker"))
RUN = shlex.split(os.environ.get("MODELPORT_ENGINE_RUN", ""))
HARD = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")

pytestmark = pytest.mark.skipif(not IMAGE, reason="MODELPORT_IMAGE names no built image")

MODEL = """
import torch
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(),
                          torch.nn.Linear(144, 5))
torch.jit.trace(net.eval(), torch.rand(1, 3, 8, 8)).save("/tmp/net.pt")
"""
ASK = """
import sys, urllib.error, urllib.request as web
method, path, key, body = sys.argv[1:]
data = open(body, "rb").read() if body else None
request = web.Request("http://127.0.0.1:8000" + path, data, method=method)
request.add_header("Authorization", "Bearer " + key)
try:
    answer = web.urlopen(request, timeout=300)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.headers.get("Modelport-Verdict", "-"),
      answer.headers.get("Modelport-Conversion", "-"), answer.read(2))
"""


class Box:
    """One container of the image, on a volume; its name."""

    def __init__(self, volume: str) -> None:
        self.name = f"modelport-{uuid.uuid4().hex[:12]}"
        options = ["--name", self.name, "--network", "none", "-v", f"{volume}:/data", *HARD, *RUN]
        engine("run", "-d", *options, IMAGE)

    def inside(self, *command: str) -> str:
        """Run a command in the container and return its output."""
        return engine("exec", self.name, *command)

    def ask(self, method: str, path: str, key: str, body: str = "") -> list[str]:
        """Return status, verdict, conversion and first bytes of an answer."""
        return self.inside("python", "-c", ASK, method, path, key, body).split(maxsplit=3)

    def log(self) -> str:
        """Return what the container has printed so far."""
        done = subprocess.run(
            [*ENGINE, "logs", self.name], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def wait(self) -> None:
        """Wait for a worker."""
        deadline = time.monotonic() + 120
        while "is ready" not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.5)


def engine(*arguments: str) -> str:
    done = subprocess.run(
        [*ENGINE, *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def volume() -> Iterator[str]:
    name = f"modelport-{uuid.uuid4().hex[:12]}"
    engine("volume", "create", name)
    yield name
    engine("volume", "rm", name)


def made_key(log: str) -> str:
    found = re.search(r"^API key, shown once: (\S+)$", log, re.MULTILINE)
    assert found, log
    return found[1]


def test_a_posted_model_converts_and_stays_when_the_container_is_replaced(volume: str) -> None:
    box = Box(volume)
    try:
        box.wait()
        key = made_key(box.log())
        assert box.ask("GET", "/v1/limits", "wrong")[0] == "401"
        box.inside("modelport", "env", "run", "base", "-c", MODEL)
        target = "/v1/convert?to=openvino&filename=net.pt"
        status, verdict, conversion, start = box.ask("POST", target, key, "/tmp/net.pt")
        assert (status, verdict, start.strip()) == ("200", "verified", "b'PK'")
        # Sent from descriptors by way of /proc, which a process closed to its user still may.
        report = box.ask("GET", f"/v1/conversions/{conversion}/report", key)
        assert (report[0], report[3].strip()) == ("200", "b'{\\n'")
        bill = box.ask("GET", "/v1/environments/base/sbom", key)
        assert (bill[0], bill[3].strip()) == ("200", "b'{\\n'")
        begun = time.monotonic()
        engine("stop", "-t", "30", box.name)
        assert time.monotonic() - begun < 15
    finally:
        engine("rm", "-f", box.name)
    box = Box(volume)
    try:
        box.wait()
        assert "shown once" not in box.log()
        kept = box.ask("GET", f"/v1/conversions/{conversion}/bundle.zip", key)
        assert (kept[0], kept[3].strip()) == ("200", "b'PK'")
    finally:
        engine("rm", "-f", box.name)


def test_the_image_runs_as_a_user_without_rights_and_carries_its_notices() -> None:
    look = "id -u; cat /opt/modelport/NOTICES.txt; ls /opt/modelport/service/bin"
    text = engine("run", "--rm", "--network", "none", *RUN, "--entrypoint", "sh", IMAGE, "-c", look)
    packages = {line.split(" ")[0] for line in text.splitlines() if line[:1].isalpha()}
    assert text.split("\n", 1)[0] == "10001"
    assert {"fastapi", "torch", "openvino", "vue"} <= packages
    assert not re.search(r"^pip", text.rpartition("=" * 80)[2], re.MULTILINE)


@pytest.mark.parametrize("user", [["--user", "0"], []], ids=["root", "its-own-user"])
def test_a_job_in_a_container_can_leave_the_sandbox_by_no_attempt(user: list[str]) -> None:
    folder = Path(__file__).resolve().parents[1] / "attempts"
    options = ["--rm", "-i", "--network", "none", "-v", f"{folder}:/attempts:ro", *user, *RUN]
    code = (
        "import json, sys; sys.path.insert(0, '/attempts'); from catalogue import ATTEMPTS;"
        " print(json.dumps([{'mode': 'full', 'names': list(ATTEMPTS)}]))"
    )
    shell = f'python -c "{code}" | python /attempts/run.py && python /attempts/bombs.py'
    said = engine("run", *options, "--entrypoint", "sh", IMAGE, "-c", shell)
    (answer,), bombs = map(json.loads, said.splitlines())
    assert [name for name, met in answer["outcomes"].items() if met == "done"] == []
    assert len(answer["outcomes"]) >= 60
    assert {name: b for name, b in bombs["bombs"].items() if b["times"] > 2 or b["alive"]} == {}


def test_the_image_carries_its_bills_of_materials() -> None:
    look = "cd /opt/modelport/sbom; cat service.cdx.json; echo =====; cat base.cdx.json"
    text = engine("run", "--rm", "--network", "none", *RUN, "--entrypoint", "sh", IMAGE, "-c", look)
    service, base = (json.loads(part)["components"] for part in text.split("=====\n"))
    assert {"fastapi", "vue"} <= {one["name"] for one in service}
    assert {"torch", "openvino"} <= {one["name"] for one in base}
    assert "pip" not in {one["name"] for one in (*service, *base)}
    unnamed = [one["name"] for one in base if not one.get("hashes")]
    assert unnamed == [], "installed, and not by digest"


@pytest.mark.parametrize(
    "user",
    [
        pytest.param((), id="default"),
        pytest.param(("--user", "root", "--cap-add", "SETUID,SETGID,CHOWN,KILL,DAC_OVERRIDE",
                      "--tmpfs", "/run"), id="root"),
    ],
)  # fmt: skip
def test_a_hardened_container_writes_nowhere_but_to_its_volume(user: tuple[str, ...]) -> None:
    look = (
        "for place in / /opt/modelport /opt/modelport/envs/* /opt/modelport/service/bin /usr/bin"
        " /etc /home/modelport; do touch $place/x 2>/dev/null && echo wrote $place; done;"
        " touch /data/x && echo volume; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status;"
        " modelport doctor"
    )
    hard = (*HARD, "--security-opt", "no-new-privileges", *user, *RUN, "--network", "none")
    argv = ["run", "--rm", *hard, "-v", "/data", "--entrypoint", "sh", IMAGE, "-c", look]
    text = engine(*argv)
    assert "wrote" not in text
    assert "volume" in text.split()
    rights = re.search(r"CapEff:\s+(\w+)", text)
    assert rights
    assert (int(rights[1], 16) == 0) is not bool(user)
    assert "NoNewPrivs:\t1" in text
    assert "Seccomp:\t2" in text
    assert "ready to convert" in text
