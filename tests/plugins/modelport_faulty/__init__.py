"""Converters that go wrong in every way seen in real tools; each claims success."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelport_sdk import BASE, Context, Converter, NoOptions

Change = Callable[[Any], None]


def _edge(name: str, convert: Callable[[Path, Path, Any, Context], None]) -> Converter:
    return Converter("onnx", "onnx", BASE, convert, NoOptions, f"faulty-{name}", role="pass")


def _changed(name: str, change: Change) -> Converter:
    def convert(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
        import onnx

        model = onnx.load(source)
        change(model)
        onnx.save(model, out / f"{ctx.name}.onnx")

    return _edge(name, convert)


def _initialiser(model: Any, name: str) -> Any:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _scaled(model: Any) -> None:
    from onnx import numpy_helper

    tensor = _initialiser(model, "w2")
    tensor.CopyFrom(
        numpy_helper.from_array((numpy_helper.to_array(tensor) * 1.01).astype("float32"), "w2")
    )


def _bias_lost(model: Any) -> None:
    node = next(node for node in model.graph.node if "b3" in node.input)
    node.input.remove("b3")


def _output_dropped(model: Any) -> None:
    del model.graph.output[1]


def _outputs_swapped(model: Any) -> None:
    for node in model.graph.node:
        if node.output[0] in {"first", "second"}:
            node.output[0] = {"first": "second", "second": "first"}[node.output[0]]


def _activation_gone(model: Any) -> None:
    nodes = model.graph.node
    relu = next(node for node in nodes if node.op_type == "Relu")
    relu.op_type = "Identity"


def _silent(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    print("Converted Success!")


def _empty(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    (out / f"{ctx.name}.onnx").touch()


def _stale(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    """Leave another model where the result should be, as a folder that was not emptied has it."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source)
    draw = np.random.default_rng(99)
    for tensor in model.graph.initializer:
        other = draw.normal(size=tuple(tensor.dims)).astype("float32")
        tensor.CopyFrom(numpy_helper.from_array(other, tensor.name))
    onnx.save(model, out / f"{ctx.name}.onnx")


def _killed(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    (out / f"{ctx.name}.onnx").write_bytes(source.read_bytes())
    os.kill(os.getpid(), signal.SIGKILL)


def _linked(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    os.link(source, out / f"{ctx.name}.onnx")


SCALED = _changed("scaled", _scaled)
BIAS_LOST = _changed("bias-lost", _bias_lost)
OUTPUT_DROPPED = _changed("output-dropped", _output_dropped)
OUTPUTS_SWAPPED = _changed("outputs-swapped", _outputs_swapped)
ACTIVATION_GONE = _changed("activation-gone", _activation_gone)
SILENT = _edge("silent", _silent)
EMPTY = _edge("empty", _empty)
STALE = _edge("stale", _stale)
KILLED = _edge("killed", _killed)
LINKED = _edge("linked", _linked)
FAITHFUL = _changed("none", lambda model: None)
