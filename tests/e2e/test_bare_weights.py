"""Weights without a graph: the answer says so, and how to go on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from modelport import engine
from modelport.engine import House
from modelport.errors import WeightsOnly

pytestmark = pytest.mark.env("base")

SCRIPT = """
import sys, torch, safetensors.torch
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
torch.save(net.state_dict(), sys.argv[1] + "/plain.pth")
torch.save({"epoch": 3, "state_dict": net.state_dict()}, sys.argv[1] + "/checkpoint.pt")
safetensors.torch.save_file(net.state_dict(), sys.argv[1] + "/plain.safetensors")
"""


@pytest.fixture(scope="module")
def weights(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run([base_python, "-c", SCRIPT, folder], check=True)
    return folder


@pytest.mark.parametrize("name", ["plain.pth", "checkpoint.pt", "plain.safetensors"])
def test_weights_alone_are_refused_with_the_way_on(
    name: str, weights: Path, tmp_path: Path, house: House
) -> None:
    with pytest.raises(WeightsOnly) as refusal:
        engine.convert(engine.Request((weights / name,), "onnx"), tmp_path / "work", house)
    assert "torch.jit.trace" in refusal.value.hint
