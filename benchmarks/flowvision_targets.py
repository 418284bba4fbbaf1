"""OneFlow graphs through the whole flow, and the graphs of single operators, as proofs."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from benchmarks import proof
from benchmarks.proof import Proof
from modelport.engine import House, Request

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "corpus" / "oneflow"
TARGETS = ("ncnn", "mnn", "openvino", "torchscript")
# One of each kind, and small: convolutions, residuals, squeeze and excitation, attention.
ONWARD = (
    "squeezenet1_1", "resnet18", "mobilenet_v3_small", "efficientnet_b0", "vit_tiny_patch16_224",
)  # fmt: skip


def onward(folder: Path, name: str, house: House, bench: str) -> list[Proof]:
    """Convert the graph of one architecture to each target; what was done once is read again."""
    found = []
    for target in TARGETS:
        kept = folder / name / f"{target}.json"
        if kept.is_file():
            told = json.loads(kept.read_text("utf-8"))
            found.append(Proof(**{**told, "route": tuple(told["route"])}))
            continue
        request = Request((folder / name / "graph",), target)
        made = proof.of_request(request, "oneflow", name, bench, house)
        kept.write_text(json.dumps(dataclasses.asdict(made)), "utf-8")
        found.append(made)
    return found


def operators(house: House, bench: str) -> list[Proof]:
    """Read the graphs of single operators as ONNX, and hold them against OneFlow's outputs."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(CORPUS / "operators.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        argv = [str(house.envs.python("base")), "-B", str(CORPUS / "compare.py"), folder]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    errors = json.loads(done.stdout)["error"]
    wrong = [f"{name}: {said}" for name, said in errors.items() if not isinstance(said, float)]
    if wrong:
        raise ValueError("; ".join(wrong))
    return [
        Proof(
            "oneflow", "onnx", "graphs of one operator each", proof.MEASURED, bench, proof.today(),
            error=max(errors.values()), route=("oneflow-to-onnx",), cases=len(errors),
        )
    ]  # fmt: skip


def tidy(folder: Path) -> None:
    """Remove what the stages of one architecture made and nobody reads again."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix not in {".json", ".log"}:
            path.unlink()
