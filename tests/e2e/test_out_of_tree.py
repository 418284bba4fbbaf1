"""A plugin outside the repository: off until named, then a format like any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
PLUGIN = HERE.parents[1] / "plugins" / "modelport_toy"

DENSE = """
import sys, numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
draw = np.random.default_rng(1)
def weight(name, *shape):
    return numpy_helper.from_array(draw.normal(size=shape).astype("float32"), name)
def port(name, size):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, size))
w = [weight("w1", 6, 4), weight("b1", 6), weight("w2", 3, 6), weight("b2", 3)]
nodes = [
    helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], transB=1),
    helper.make_node("Relu", ["h"], ["r"]),
    helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], transB=1),
]
graph = helper.make_graph(nodes, "g", [port("x", 4)], [port("y", 3)], w)
onnx.save(
    helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1]
)
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The variables of a process in which the toy package is installed and named."""
    site = tmp_path / "site"
    (site / "modelport_toy").mkdir(parents=True)
    (site / "modelport_toy" / "__init__.py").write_bytes((PLUGIN / "__init__.py").read_bytes())
    info = site / "modelport_toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modelport-toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelport.plugins]\ntoy = modelport_toy\n")
    return {**os.environ, "PYTHONPATH": str(site), "MODELPORT_PLUGINS": "toy"}


def modelport(env: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "modelport_api.cli", *map(str, words)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_it_is_off_until_it_is_named(installed: dict[str, str]) -> None:
    off = {**installed, "MODELPORT_PLUGINS": ""}
    listed = ["toy" in modelport(env, "formats", "--json").stdout for env in (off, installed)]
    assert listed == [False, True]


@pytest.mark.env("base")
def test_its_edge_converts_and_is_verified(
    installed: dict[str, str], base_python: Path, tmp_path: Path
) -> None:
    source = tmp_path / "dense.onnx"
    subprocess.run([base_python, "-c", DENSE, source], check=True)
    done = modelport(installed, "convert", source, "--to", "toy", "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["report"]["verdict"] == "verified"
    assert (tmp_path / "out" / "dense.toy").is_file()


@pytest.mark.env("base")
def test_its_loss_of_digits_is_seen(
    installed: dict[str, str], base_python: Path, tmp_path: Path
) -> None:
    source = tmp_path / "dense.onnx"
    subprocess.run([base_python, "-c", DENSE, source], check=True)
    done = modelport(
        installed, "convert", source, "--to", "toy", "--set", "digits=2", "-o", tmp_path / "out"
    )
    assert done.returncode == 3, done.stderr
