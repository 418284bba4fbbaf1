"""OneFlow nn.Graph to ONNX, with our own reader: OneFlow itself is not needed.

Source of the operators' meaning: OneFlow 0.9.0, ``oneflow/ir/include/OneFlow/OneFlowUserOps.td``.
"""

from __future__ import annotations

from pathlib import Path

from modelport_plugins.oneflow.graph import model
from modelport_sdk import Context, UnsupportedFeature, converter, first_line

HOME = "https://github.com/Oneflow-Inc/oneflow"


@converter(source="oneflow", target="onnx", homepage=HOME)
def oneflow_to_onnx(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Read a saved nn.Graph and write it as ONNX; the shapes it was compiled for are kept.

    Raises:
        CorruptModel: The graph or a variable is damaged.
        UnsupportedOperator: ONNX has no counterpart for an operator; all are named.
        UnsupportedFeature: The result is no valid ONNX model.
    """
    import onnx

    from modelport_onnx import graph

    made = model(source)
    ctx.progress("convert", 0.7)
    path = out / f"{ctx.name}.onnx"
    graph.save(made, path)
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise UnsupportedFeature(f"the result is no valid ONNX model: {first_line(exc)}") from exc
