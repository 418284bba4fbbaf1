"""TOY: a text format for networks of dense layers, with one edge from ONNX.

The worked example of CONTRIBUTING: a format, an inspector, a converter and a runtime in
one file, outside the repository's own plugins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_sdk import (
    BASE,
    Context,
    CorruptModel,
    Format,
    Head,
    UnsupportedOperator,
    converter,
    inspector,
    mapped,
    option,
    runtime,
)

MAGIC = b'{"toy": 1'


def match(head: Head) -> float:
    """Return 1.0 for the first bytes of a TOY file, 0.2 for the suffix alone."""
    if head.first.startswith(MAGIC):
        return 1.0
    return 0.2 if head.name.endswith(".toy") else 0.0


TOY = Format("toy", "TOY", match, main="*.toy")


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    digits: int = option(9, "Significant digits of each weight; 9 keep a float32.", ge=1, le=17)


@converter(source="onnx", target="toy", options=Options, homepage="https://example.org/toy")
def onnx_to_toy(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """ONNX to TOY: a chain of Gemm and Relu becomes a list of layers."""
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    with mapped({DecodeError: CorruptModel}):
        graph = onnx.load(source).graph
    other = [node.op_type for node in graph.node if node.op_type not in {"Gemm", "Relu"}]
    if other:
        raise UnsupportedOperator("TOY knows Gemm and Relu only", operators=other)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers: list[dict[str, Any]] = []
    for node in graph.node:
        if node.op_type == "Relu":
            layers.append({"kind": "relu"})
            continue
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        matrix = weights[node.input[1]].T if transposed else weights[node.input[1]]
        layers.append(
            {
                "kind": "dense",
                "matrix": [[_rounded(v, options.digits) for v in row] for row in matrix],
                "bias": [_rounded(v, options.digits) for v in weights[node.input[2]]],
            }
        )
    model = {"toy": 1, "input": graph.input[0].name, "output": graph.output[0].name}
    text = json.dumps({**model, "layers": layers})
    (out / f"{ctx.name}.toy").write_text(text, "utf-8")
    ctx.progress("write", 1.0)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


@inspector(format="toy")
def inspect_toy(model: Path, ctx: Context) -> Mapping[str, Any]:
    """Describe a TOY file."""
    found = json.loads(model.read_text("utf-8"))
    dense = [layer for layer in found["layers"] if layer["kind"] == "dense"]
    first, last = len(dense[0]["matrix"]), len(dense[-1]["bias"])
    return {
        "inputs": [{"name": found["input"], "dtype": "float32", "shape": [None, first]}],
        "outputs": [{"name": found["output"], "dtype": "float32", "shape": [None, last]}],
        "operators": {"dense": len(dense)},
        "nodes": len(found["layers"]),
    }


@runtime(format="toy", title="TOY in NumPy", env=BASE)
def run_toy(model: Path, variant: str, ctx: Context) -> Callable[[Mapping[str, Any]], Any]:
    """Return a session that multiplies and adds."""
    import numpy as np

    found = json.loads(model.read_text("utf-8"))

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        values = feeds[found["input"]]
        for layer in found["layers"]:
            if layer["kind"] == "relu":
                values = np.maximum(values, 0)
            else:
                matrix = np.asarray(layer["matrix"], "float32")
                values = values @ matrix + np.asarray(layer["bias"], "float32")
        return {found["output"]: values}

    return session
