"""Stores weights and computes in float16, inputs and outputs in float32 by choice.

Two tools, the first whose result ONNX Runtime loads: onnxruntime's own converter, then
onnxconverter-common's, which is known to write files with mismatched Casts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_onnx import graph as graphs
from modelport_onnx import rewrite
from modelport_plugins.onnx import output
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, UnsupportedFeature, converter, first_line, option

SMALLEST = 64  # elements; scales and biases below that save nothing


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    keep_io: bool = option(True, "Keep inputs and outputs in float32.")
    compute: bool = option(
        True, "Compute in float16 as well; off means that weights are stored in it only."
    )
    keep: tuple[str, ...] = option((), "Operators that stay in float32, e.g. Softmax,Pow.")


@converter(
    source="onnx",
    target="onnx",
    variant="fp16",
    role="pass",
    options=Options,
    title="Stores weights and computes in float16",
    homepage="https://onnxruntime.ai/docs/performance/model-optimizations/float16.html",
)
def fp16(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert; the result is loaded once in ONNX Runtime before it counts.

    Raises:
        UnsupportedFeature: Neither tool writes a model that loads.
    """
    before = read(source, weights=False)
    if not options.compute:
        model = read(source)
        ctx.note(f"{store_halves(model)} weight tensors stored in float16, computed in float32")
        output.write(model, before, out, ctx)
        ctx.declare_precision("float16")
        return
    failures = []
    for name, tool in (("onnxruntime", _by_onnxruntime), ("onnxconverter-common", _by_common)):
        ctx.progress(name, 0.0)
        try:
            model = read(source)
            rewrite.constants_to_initializers(model)  # both tools overlook some Constant nodes
            model = tool(model, options, large=_large(before))
            _write(model, before, options, out, ctx)
            output.check_loads(output.path(out, ctx), name)
        except Exception as exc:  # noqa: BLE001  # the tools raise whatever they trip over
            failures.append(f"{name}: {first_line(exc)}")
            continue
        ctx.declare_precision("float16")
        ctx.note(f"converted to float16 with {name}")
        return
    output.path(out, ctx).unlink(missing_ok=True)
    raise UnsupportedFeature(f"no tool makes a float16 model of this: {'; '.join(failures)}")


def _write(model: Any, before: Any, options: Options, out: Path, ctx: Context) -> None:
    graphs.sort(model.graph)
    if options.keep_io:
        output.write(model, before, out, ctx)
    else:
        graphs.save(model, output.path(out, ctx))


def _large(model: Any) -> bool:
    return output.total_size(model) >= graphs.EXTERNAL_LIMIT


def _by_onnxruntime(model: Any, options: Options, *, large: bool) -> Any:
    from onnxruntime.transformers import float16

    kept = [*float16.DEFAULT_OP_BLOCK_LIST, *options.keep]
    return _call(float16.convert_float_to_float16, model, options, kept, large)


def _by_common(model: Any, options: Options, *, large: bool) -> Any:
    from onnxconverter_common import float16

    kept = [*float16.DEFAULT_OP_BLOCK_LIST, *options.keep]
    return _call(float16.convert_float_to_float16, model, options, kept, large)


def _call(tool: Callable[..., Any], model: Any, options: Options, kept: Any, large: bool) -> Any:
    return tool(model, keep_io_types=options.keep_io, disable_shape_infer=large, op_block_list=kept)


def store_halves(model: Any) -> int:
    """Store the float32 initialisers of the main graph in float16, each with a Cast behind it."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    rewrite.constants_to_initializers(model)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).clip(-65504, 65504).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}/half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    graphs.set_nodes(model.graph, [*casts, *model.graph.node])
    return len(casts)
