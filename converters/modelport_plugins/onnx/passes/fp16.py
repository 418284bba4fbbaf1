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
from modelport_plugins.onnx import output
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, UnsupportedFeature, converter, first_line, option


@dataclass(frozen=True)
class Options:
    """What the user may set."""

    keep_io: bool = option(True, "Keep inputs and outputs in float32.")
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
    failures = []
    for name, tool in (("onnxruntime", _by_onnxruntime), ("onnxconverter-common", _by_common)):
        ctx.progress(name, 0.0)
        try:
            model = tool(read(source), options, large=_large(before))
            _write(model, before, options, out, ctx)
            output.check_loads(output.path(out, ctx), name, level="plain")
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
