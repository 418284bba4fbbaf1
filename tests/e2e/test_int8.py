"""Quantisation through the sandbox, where the source's folder cannot be written to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benchmarks.tour import MODEL

from modelport.engine import House, Request, convert
from modelport.model import Verdict

BESIDE = """
import sys, onnx
place = sys.argv[1]
onnx.save(onnx.load(place), place, save_as_external_data=True, location="w.data", size_threshold=0)
"""


@pytest.mark.env("base")
@pytest.mark.parametrize("data", ["inside", "beside"])
@pytest.mark.parametrize("target", ["onnx.int8-dynamic", "onnx.int8-static"])
def test_a_model_is_quantised(
    target: str, data: str, base_python: Path, tmp_path: Path, house: House
) -> None:
    names = ("net.onnx", "samples.npz", "weights.safetensors")
    model, samples, _ = files = [tmp_path / name for name in names]
    subprocess.run([base_python, "-c", MODEL, *files], check=True)
    sent = [model]
    if data == "beside":
        subprocess.run([base_python, "-c", BESIDE, model], check=True)
        sent.append(tmp_path / "w.data")
    request = Request(tuple(sent), target, calibration=samples if "static" in target else None)
    done = convert(request, tmp_path / "work", house)
    # Samples that were drawn say little of wide inputs: that it ran is what counts here.
    assert done.verdict in {Verdict.ALIKE, Verdict.DIFFERENT}, done.report["reason"]
    operators = done.report["result"]["description"]["operators"]
    assert {"QuantizeLinear", "DynamicQuantizeLinear"} & set(operators)
