"""Asks of each refusal whether the bare tool, given the right options, fails too.

A refusal counts only then. Each tool runs in a process of its own (``bare_tool.py``), since
several crash; what it said is kept until the model, the script or the tools change.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.models import Row
from modelport.engine import House

SCRIPT = Path(__file__).with_name("bare_tool.py")
SECONDS = 300.0
"""Of one tool: the slowest that ended took 70."""

TRIES: dict[str, dict[str, tuple[str, ...]]] = {
    ".onnx": {
        "onnx": ("onnxsim", "onnxslim"),
        "ort": ("onnxruntime",),
        "openvino": ("openvino",),
        "mnn": ("mnn", "mnn --useOriginRNNImpl"),
        "ncnn": ("pnnx", "onnxsim, pnnx"),
        "torchscript": ("onnx2torch, trace",),
        "pt2": ("onnx2torch, export",),
    },
    ".pt": {
        "onnx": ("torch.onnx",),
        "ort": ("torch.onnx, onnxruntime",),
        "openvino": ("openvino", "torch.onnx, openvino"),
        "mnn": ("torch.onnx, mnn", "torch.onnx, mnn --useOriginRNNImpl"),
        "ncnn": ("pnnx", "torch.onnx, pnnx"),
        "pt2": ("ts2ep",),
    },
    ".pt2": {
        "onnx": ("torch.onnx",),
        "ort": ("torch.onnx, onnxruntime",),
        "openvino": ("openvino", "torch.onnx, openvino"),
        "mnn": ("torch.onnx, mnn", "torch.onnx, mnn --useOriginRNNImpl"),
        "ncnn": ("torch.onnx, pnnx", "trace, pnnx"),
        "torchscript": ("trace",),
    },
}
"""Chains of tools by the source's suffix and the target, in the order in which they are tried."""

Cell = dict[str, Any]


def beside(cells: Sequence[Cell], rows: Mapping[str, Row], place: Path, house: House) -> None:
    """Put ``bare`` into each cell that was refused: every chain, and what came of it."""
    place.mkdir(parents=True, exist_ok=True)
    for cell in cells:
        row = rows[cell["model"]]
        if "size" in cell or row.weights:
            continue
        cell["bare"] = [
            _try(row, chain, place / f"{row.id}--{cell['target']}--{number}.json", house)
            for number, chain in enumerate(TRIES[row.suffix][cell["target"]])
        ]
        worked = [tried["chain"] for tried in cell["bare"] if tried["worked"]]
        words = f"works: {worked[0]}" if worked else "fails too"
        print(f"{row.id:36} {cell['target']:12} bare tool {words}", flush=True)


def _try(row: Row, chain: str, kept: Path, house: House) -> Cell:
    """Run one chain, or return what it said the last time."""
    key = _key(row, chain, house)
    try:
        found: Cell = json.loads(kept.read_text("utf-8"))
        if found["key"] == key:
            return found
    except (OSError, ValueError, KeyError):
        pass
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        order = {
            "file": str(row.file.resolve()),
            "chain": chain,
            "shapes": row.shapes,
            "values": row.values,
            "inputs": str(row.inputs or ""),
        }
        job = Path(scratch) / "job.json"
        job.write_text(json.dumps(order), "utf-8")
        found = {"chain": chain, "key": key, **_run(job, answer, Path(scratch), house)}
    kept.write_text(json.dumps(found, indent=1), "utf-8")
    return found


def _run(job: Path, answer: Path, scratch: Path, house: House) -> Cell:
    argv = [str(house.envs.python("base")), "-B", str(SCRIPT), str(job), str(answer)]
    log = scratch / "log"
    with log.open("wb") as stream:
        try:
            done = subprocess.run(
                argv, cwd=scratch, stdout=stream, stderr=stream, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return {"worked": False, "said": f"no end within {SECONDS:.0f} s"}
    if done.returncode == 0 and answer.is_file():
        told: Cell = json.loads(answer.read_text("utf-8"))
        return told
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "no words")
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    return {"worked": False, "said": f"{how}: {last}"[:300]}


def _key(row: Row, chain: str, house: House) -> str:
    digest = hashlib.sha256(row.file.read_bytes())
    for script in (SCRIPT, SCRIPT.with_name("bare_steps.py")):
        digest.update(script.read_bytes())
    tools = house.registry.environments["base"].requires
    inputs = row.inputs.read_bytes().hex() if row.inputs else ""
    digest.update(f"{chain}{sorted(row.shapes.items())}{row.values}{inputs}{tools}".encode())
    return digest.hexdigest()[:32]
