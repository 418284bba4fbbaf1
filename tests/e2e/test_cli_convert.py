"""``modelport convert`` with real tools: results, reports, statuses, interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelport.sandbox import layers

pytestmark = pytest.mark.env("base")

MAKE = """
import sys, numpy as np, onnx
from onnx import TensorProto as T, helper as h, numpy_helper as n
draw = np.random.default_rng(3)
weight = draw.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32)
folder = sys.argv[1]
def save(name, operator, external=False):
    nodes = [h.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), operator]
    value = lambda name, *shape: h.make_tensor_value_info(name, T.FLOAT, shape)
    ends = [value("x", 1, 3, 8, 8)], [value("y", 1, 8, 8, 8)]
    graph = h.make_graph(nodes, "g", *ends, [n.from_array(weight, "w")])
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("mine", 1)])
    made.ir_version = 8
    path = f"{folder}/{name}.onnx"
    keep = dict(save_as_external_data=True, location=name + ".data", size_threshold=0)
    onnx.save(made, path, **(keep if external else {}))
relu = h.make_node("Relu", ["c"], ["y"])
save("小网", relu)
save("apart", relu, external=True)
save("custom", h.make_node("Cheese", ["c"], ["y"], domain="mine"))
"""


@pytest.fixture(scope="module")
def models(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([base_python, "-c", MAKE, str(folder)], check=True)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder, and a TMPDIR of our own that jobs under another user can reach."""
    with tempfile.TemporaryDirectory(prefix="modelport-test-") as folder:
        Path(folder).chmod(0o711)
        monkeypatch.setenv("TMPDIR", folder)
        yield tmp_path
        assert list(Path(folder).iterdir()) == []


def start(*words: str | Path, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "modelport_api.cli", *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def modelport(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    process = start(*words, cwd=cwd)
    out, err = process.communicate(timeout=500)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_a_model_is_converted_and_named_after_its_source(models, place) -> None:
    done = modelport("convert", models / "小网.onnx", "--to", "mnn", "--json", cwd=place)
    told = json.loads(done.stdout)
    files = {p.name for p in (place / "小网-mnn").iterdir()}
    assert (done.returncode, told["status"], told["report"]["verdict"]) == (0, 0, "verified")
    assert files == {"小网.mnn", "report.json", "report.html"}
    assert told["report"]["sandbox"]["layers"]["seccomp"] is True
    assert set(told["report"]["sandbox"]["degraded"]) >= set(layers().degraded)


def test_a_pass_is_chosen_by_name_and_lines_are_plain(models, place) -> None:
    done = modelport("convert", models / "小网.onnx", "--to", "onnx.simplify", "-o", "o", cwd=place)
    assert (done.returncode, "verified" in done.stdout, "\x1b" in done.stderr) == (0, True, False)


def test_inspect_shows_inputs_and_targets(models, place) -> None:
    done = modelport("inspect", models / "小网.onnx", "--json", cwd=place)
    found = json.loads(done.stdout)
    assert (found["description"]["inputs"][0]["name"], "mnn" in found["targets"]) == ("x", True)


def test_missing_external_data_is_named(models, place) -> None:
    lone = place / "apart.onnx"
    lone.write_bytes((models / "apart.onnx").read_bytes())
    done = modelport("convert", lone, "--to", "mnn", "--json", cwd=place)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], "apart.data" in error["detail"] + error["hint"]) == (
        (1, "corrupt-model", True)
    )


def test_external_data_beside_the_model_is_found(models, place) -> None:
    assert modelport("inspect", models / "apart.onnx", cwd=place).returncode == 0


def test_a_truncated_model_is_refused(models, place) -> None:
    (place / "cut.onnx").write_bytes((models / "小网.onnx").read_bytes()[:300])
    done = modelport("convert", "cut.onnx", "--to", "mnn", "--json", cwd=place)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "corrupt-model")


def test_a_custom_operator_is_refused_by_name(models, place) -> None:
    done = modelport("convert", models / "custom.onnx", "--to", "mnn", "--json", cwd=place)
    told = json.loads(done.stdout)
    assert (done.returncode, "mine::Cheese" in told["error"]["operators"]) == (1, True)


def test_an_interrupted_conversion_leaves_nothing(models, place) -> None:
    process = start("convert", models / "小网.onnx", "--to", "openvino", "-o", "o", cwd=place)
    assert process.stderr is not None
    process.stderr.readline()  # the first stage has begun
    time.sleep(1)  # ... and is in the middle of something
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert (process.returncode, list(place.iterdir())) == (130, [])
