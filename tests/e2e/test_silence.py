"""No tool reports to anybody: a whole conversion to each target is traced, call by call.

The tracer sees a call before the sandbox refuses it, so that an attempt counts as well as a
success. It needs strace, which no machine has to have.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRACE = ["strace", "-f", "-qq", "-s", "200", "-e", "signal=none"]
CALLS = "trace=socket,connect,bind,sendto,sendmsg,sendmmsg,execve,execveat,io_uring_setup"
TARGETS = ["onnx.simplify", "ort", "torchscript", "pt2", "ncnn", "mnn", "openvino"]
MODELS = """
import sys, onnx, torch
from onnx import TensorProto, helper
x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "xy")
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, sys.argv[1] + "/net.onnx")
torch.jit.trace(torch.nn.ReLU(), torch.rand(1, 3, 8, 8)).save(sys.argv[1] + "/net.pt")
"""
# The C library asks nscd for the names of users, in the supervisor, outside of the sandbox.
LOCAL = re.compile(r'socket\(AF_UNIX|connect\(\d+, \{sa_family=AF_UNIX, sun_path="/var/run/nscd/')
PIP = re.compile(r'"(?:[^"]*/)?(?:pip[\d.]*|uv|conda|ensurepip|curl|wget)"')

pytestmark = [
    pytest.mark.env("base"),
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
]


@pytest.fixture(scope="module")
def models(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([base_python, "-c", MODELS, folder], check=True)
    return folder


def traced(log: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [*TRACE, "-e", CALLS, "-o", str(log), *map(str, command)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def attempts(log: Path) -> list[str]:
    """Return the calls that ask a network, or anything that could install or fetch."""
    found = []
    for line in log.read_text("utf-8", "replace").splitlines():
        call = line.partition(" ")[2].lstrip()
        if call.startswith("execve"):
            found += [call] if PIP.search(call) else []
        elif not call.startswith(("<...", "+++", "---")) and not LOCAL.match(call):
            found.append(call)
    return found


@pytest.mark.parametrize(
    ("source", "target"), [*(("net.onnx", target) for target in TARGETS), ("net.pt", "onnx")]
)
def test_a_conversion_asks_nobody(models: Path, tmp_path: Path, source: str, target: str) -> None:
    log = tmp_path / "trace"
    command = [sys.executable, "-m", "modelport_api.cli", "convert", models / source]
    done = traced(log, *command, "--to", target, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    text = log.read_text("utf-8", "replace")
    assert text.count("/worker.py") >= 3, "the tracer saw no worker"
    assert attempts(log) == []


def test_an_attempt_would_be_seen(tmp_path: Path) -> None:
    log = tmp_path / "trace"
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    traced(log, sys.executable, "-I", "-c", code)
    assert any("AF_INET" in call for call in attempts(log))


def test_an_attempt_that_is_refused_in_the_sandbox_would_be_seen(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from modelport.sandbox import default_limits, launch\n"
        "job = Path(sys.argv[1]); (job / 'in').mkdir()\n"
        "argv = [sys.executable, '-I', '-c', 'import socket; socket.socket()']\n"
        "end = launch(argv, job=job, readable=[], limits=default_limits(), log=job / 'log.txt')\n"
        "print(end.status, end.code)"
    )
    log, job = tmp_path / "trace", tmp_path / "job"
    job.mkdir()
    done = traced(log, sys.executable, "-c", code, job)
    assert done.stdout.split() == ["exit", "1"], done.stderr
    assert any("AF_INET" in call and "EPERM" in call for call in attempts(log))
