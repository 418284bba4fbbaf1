"""ONNX to a model.py that runs under OneFlow and PyTorch, with its weights beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import state
from modelport_plugins.oneflow.module import TABLE
from modelport_plugins.oneflow.module.guard import ports as guarded
from modelport_plugins.oneflow.module.source import Source
from modelport_plugins.oneflow.module.template import render
from modelport_sdk import (
    Context,
    CorruptModel,
    CustomOperator,
    DynamicShapeRequired,
    UnsupportedOperator,
    converter,
    mapped,
)

OPSET = 17
WEIGHTS = "_weights"


@converter(source="onnx", target="oneflow-code")
def onnx_to_oneflow_code(source: Path, out: Path, options: object, ctx: Context) -> None:
    """Write each operator as a line of Python, and the weights as a state_dict folder.

    Raises:
        CorruptModel: The file is no ONNX model.
        DynamicShapeRequired: The size of an input is open and was not given.
        UnsupportedOperator: An operator is not written; all are named.
        UnsupportedFeature: An operator is used in a way that is not written.
    """
    model = _prepared(source, ctx)
    _refuse_unknown(model)
    src, ports = _walked(model)
    text = render(ports, src.init, src.body)
    guarded(text)
    (out / f"{ctx.name}.py").write_text(text, "utf-8")
    state.write(out / f"{ctx.name}{WEIGHTS}", src.state)
    for kind, declare in (("inputs", ctx.input), ("outputs", ctx.output)):
        for name, target, _, shape in ports[kind]:
            more = {"shape": shape} if kind == "inputs" else {}
            declare(name, target, **more)
    ctx.note(f"load it with {ctx.name}.load({ctx.name + WEIGHTS!r}), in PyTorch or OneFlow")


def _prepared(source: Path, ctx: Context) -> Any:
    """Return the model with fixed shapes, constants folded, in opset 17 where it can be moved."""
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph, rewrite, shape
    from modelport_onnx.fold import fold

    with mapped({DecodeError: CorruptModel, ValueError: CorruptModel, OSError: CorruptModel}):
        model = graph.load(source)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    rewrite.drop_initializer_inputs(model)
    graph.sort(model.graph)
    if graph.opset(model) < OPSET and graph.weight_bytes(model) < graph.EXTERNAL_LIMIT:
        with mapped({ValueError: UnsupportedOperator, RuntimeError: UnsupportedOperator}):
            model = rewrite.raise_opset(model, OPSET)
    shape.fix(model, ctx.shapes)
    fold(model)
    rewrite.drop_unused(model)
    for value in graph.graph_inputs(model):
        sizes = shape.known(model).get(value.name)
        if sizes is None or not all(isinstance(size, int) for size in sizes):
            raise DynamicShapeRequired(
                f"the shape of input {value.name} is open", hint=f"Give a shape for {value.name}."
            )
    return model


def _refuse_unknown(model: Any) -> None:
    counts = Counter((node.domain, node.op_type) for node in model.graph.node)
    custom = {f"{d}::{kind}": n for (d, kind), n in counts.items() if d not in {"", "ai.onnx"}}
    if custom:
        raise CustomOperator(
            f"{', '.join(sorted(custom))} are of no published set", operators=custom
        )
    missing = {kind: n for (_, kind), n in counts.items() if kind not in TABLE}
    if missing:
        names = ", ".join(sorted(missing))
        raise UnsupportedOperator(
            f"ONNX's {names} cannot be written as Python here", operators=missing
        )


def _walked(model: Any) -> tuple[Source, dict[str, list[tuple[str, str, str, list[int]]]]]:
    from onnx import helper, numpy_helper

    from modelport_onnx import graph, shape
    from modelport_onnx.signature import port

    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values = [*model.graph.input, *model.graph.value_info, *model.graph.output]
    kinds = {value.name: port(value)["dtype"] for value in values}
    kinds.update({name: array.dtype.name for name, array in held.items()})
    src = Source(held, shape.known(model), kinds)
    inputs = []
    for value in graph.graph_inputs(model):
        src.names[value.name] = src.fresh(value.name)
        inputs.append(_port(src, value, kinds))
    for node in model.graph.node:
        attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        TABLE[node.op_type](src, node, attrs)
    outputs = []
    for value in model.graph.output:
        if value.name not in src.names:  # a constant
            src.set(value.name, src.tensor(value.name))
        outputs.append(_port(src, value, kinds))
    return src, {"inputs": inputs, "outputs": outputs}


def _port(src: Source, value: Any, kinds: dict[str, str]) -> tuple[str, str, str, list[int]]:
    return value.name, src.names[value.name], kinds[value.name], src.shape(value.name)
