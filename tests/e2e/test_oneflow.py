"""OneFlow through the whole house: graphs verified in OneFlow itself, weights moved alone."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from modelport.engine import House, Request, convert
from modelport.errors import ModelportError
from modelport.model import Verdict
from modelport_plugins.oneflow import state

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "oneflow" / "operators.tar.xz"
DRAW = np.random.default_rng(4)


def graph(name: str, into: Path) -> Path:
    """Return the folder of a small nn.Graph of the corpus."""
    with tarfile.open(CORPUS) as archive:
        wanted = [one for one in archive.getmembers() if one.name.startswith(f"{name}/")]
        archive.extractall(into, wanted, filter="data")
    return into / name / "graph"


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", strict_timestamps=False) as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(folder.parent))
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "net_weights"
    arrays = {"fc.weight": (4, 8), "fc.bias": (4,)}
    state.write(folder, {n: DRAW.normal(size=s).astype(np.float32) for n, s in arrays.items()})
    return folder


@pytest.mark.env("base")
def test_weights_alone_keep_every_bit(weights: Path, tmp_path: Path, house: House) -> None:
    done = convert(Request((weights,), "safetensors"), tmp_path / "there", house)
    assert done.verdict is Verdict.STRUCTURAL, done.report["reason"]
    upload = done.folder / done.result.main
    back = convert(Request((upload,), "oneflow-state"), tmp_path / "back", house)
    after = state.read(back.folder / back.result.main)
    assert {n: a.tobytes() for n, a in after.items()} == {
        n: a.tobytes() for n, a in state.read(weights / "snapshot_done").items()
    }


@pytest.mark.env("base")
@pytest.mark.env("oneflow")
def test_a_graph_goes_round_through_oneflow(tmp_path: Path, house: House) -> None:
    """nn.Graph to ONNX, to a new nn.Graph that OneFlow compiled, and back to ONNX."""
    upload = zipped(graph("conv_bias", tmp_path))
    there = convert(Request((upload,), "onnx"), tmp_path / "1", house)
    onnx = there.folder / there.result.main
    made = convert(Request((onnx,), "oneflow"), tmp_path / "2", house)
    assert made.verdict is Verdict.VERIFIED, made.report["reason"]
    again = (made.folder / made.result.main).parent
    back = convert(Request((again,), "onnx"), tmp_path / "3", house)
    assert back.verdict is Verdict.VERIFIED, back.report["reason"]


@pytest.mark.env("base")
@pytest.mark.parametrize("name", ["attention", "windows"])
def test_a_graph_compiled_for_two_takes_any_batch(
    name: str, tmp_path: Path, house: House, base_python: Path
) -> None:
    source = graph(name, tmp_path)
    done = convert(Request((source,), "onnx.free-shapes"), tmp_path / "work", house)
    argv = [base_python, "-B", CORPUS.with_name("batches.py"), done.folder / done.result.main]
    argv.append(source.with_name("io.npz"))
    said = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert float(said.stdout) < 2e-6


@pytest.mark.env("base")
@pytest.mark.env("oneflow")
def test_tensors_that_oneflow_left_out_can_be_added(tmp_path: Path, house: House) -> None:
    script = CORPUS.with_name("unsaved.py")
    argv = [house.envs.python("oneflow"), "-B", script, tmp_path]
    subprocess.run(argv, check=True, capture_output=True)
    with pytest.raises(ModelportError) as caught:
        convert(Request((tmp_path / "saved",), "onnx"), tmp_path / "1", house)
    assert caught.value.operators == {"broadcast_add": 1}
    done = convert(Request((tmp_path / "completed",), "onnx"), tmp_path / "2", house)
    assert done.verdict is Verdict.VERIFIED, done.report["reason"]


@pytest.mark.env("base")
@pytest.mark.parametrize("target", ["onnx", "torchscript"])
def test_weights_go_into_a_graph_that_was_sent_along(
    target: str, weights: Path, tmp_path: Path, house: House, base_python: Path
) -> None:
    script = CORPUS.with_name("graphs_beside.py")
    subprocess.run([base_python, "-B", script, weights, target], check=True)
    done = convert(Request((weights,), target), tmp_path / "work", house)
    assert done.verdict is Verdict.UNVERIFIED
    assert done.report["verification"]["details"]["weights"]["exact"] == 32
