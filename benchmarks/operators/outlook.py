"""Screens every case for a target (see screen.py) and keeps what was seen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import modelport_plugins
from benchmarks.operators.group import Line
from benchmarks.operators.version import code
from modelport import planner
from modelport.engine import House

WARM = {
    "openvino": ("onnx", "openvino"),
    "mnn": ("onnx",),
    "ncnn": ("onnx",),
    "torchscript": ("torch", "onnx", "onnxruntime"),
    "pt2": ("torch", "onnx", "onnxruntime", "torch._dynamo", "torch.export._trace"),
    "ort": ("onnx", "onnxruntime"),
    "onnx.simplify": ("onnx", "onnxruntime", "onnxsim"),
}
"""What is imported once, before the forks; not MNN, whose import starts threads."""


def outlook(target: str, home: Path, *, stale: bool = False) -> dict[str, dict[str, Any]]:
    """Return what the screening of ``target`` saw, by case; the last word on each."""
    path = home / "screens" / f"{target}.jsonl"
    if not path.is_file():
        return {}
    found = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    return {told["case"]: told for told in found if not stale or told["code"] == code(target)}


def screen(lines: Iterable[Line], target: str, home: Path, house: House, *, stale: bool) -> None:
    """Screen the cases of which nothing is known yet."""
    known = outlook(target, home, stale=stale)
    names = [line["name"] for line in lines if line["name"] not in known]
    if not names:
        return
    folder = home / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    answers = folder / f"{target}.part"
    request = folder / f"{target}.json"
    request.write_text(json.dumps(_asked(target, names, home, house, answers)), "utf-8")
    script = Path(__file__).with_name("screen.py")
    try:
        subprocess.run([house.envs.python("base"), script, request], check=True)
    finally:
        if answers.is_file():
            with (folder / f"{target}.jsonl").open("a", encoding="utf-8") as stream:
                for text in answers.read_text("utf-8").splitlines():
                    stream.write(json.dumps({**json.loads(text), "code": code(target)}) + "\n")
            answers.unlink()


def _asked(
    target: str, names: list[str], home: Path, house: House, answers: Path
) -> dict[str, Any]:
    registry = house.registry
    planned = planner.plan("onnx", target, registry.converters.values())
    routes = [route for route in planned if len(route) == 1]  # repairs cost more than they tell
    format, _ = planner.split(target)
    return {
        "code": str(Path(modelport_plugins.__file__).parent.parent),
        "cases": str(home / "cases"),
        "out": str(answers),
        "routes": [[registry.ref(converter) for converter in route] for route in routes],
        "runtime": registry.ref(registry.runtimes[format]),
        "mains": {name: each.main for name, each in registry.formats.items()},
        "names": names,
        "warm": WARM[target],
    }
