"""Makes an ONNX model ready for onnx2tf: fixed shapes, simplified, layouts beyond doubt.

onnx2tf turns (N, C, H, W) into (N, H, W, C) where it sees fit, and says nowhere what became of an
output. So an output of three axes or more leaves the graph flat: the order of its elements is then
part of what the graph means, whatever layouts the tool has inside. Its shape is put back in the
finished file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelport_sdk import Context, DynamicShapeRequired

# Channels last, by the number of axes: what TFLite's own models have.
LAST = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
# Names of ours inside: onnx2tf rewrites others, and then keeps no layout of theirs.
INPUT, OUTPUT, LENGTH = "modelport_in_%d", "modelport_out_%d", "modelport_length_%d"


@dataclass(frozen=True)
class Port:
    """An input or output, and what became of it in the prepared model.

    Attributes:
        name: In the source.
        inner: In the prepared model.
        axes: From the source's layout to the target's; empty where it is kept.
        shape: In the target; empty where it is not known.
        flat: Whether it leaves the prepared model as one axis.
    """

    name: str
    inner: str
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    flat: bool = False


def fixed(model: Any, shapes: Mapping[str, Sequence[int]]) -> None:
    """Write a size for every axis of every input.

    Raises:
        DynamicShapeRequired: One is known neither to the model nor to the caller.
    """
    from modelport_onnx import graph, shape, signature

    for value in model.graph.output:  # some exporters write sizes there that are not so
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    shape.fix(model, shapes)
    for value in graph.graph_inputs(model):
        sizes = signature.shape(value)
        if sizes is None or not all(isinstance(size, int) for size in sizes):
            raise DynamicShapeRequired(
                f"the shape of input {value.name} is open", hint=f"Give a shape for {value.name}."
            )


def simplified(model: Any, ctx: Context) -> Any:
    """Return the model with constants folded: onnx2tf trips over computed axes and shapes.

    A Softmax of opset < 13 is written out, which onnx2tf takes for one along the last axis.
    """
    import onnxsim

    from modelport_onnx import softmax

    if count := softmax.softmax_before_13(model):
        ctx.note(f"{count} Softmax of opset < 13 written out, which onnx2tf takes for another.")
    try:
        smaller, sound = onnxsim.simplify(model)
    except Exception as exc:  # noqa: BLE001  # its own C++ has no common class
        ctx.note(f"onnxsim left the model as it is: {type(exc).__name__}.")
        return model
    return smaller if sound else model


def ported(model: Any, *, last: bool) -> tuple[list[Port], list[Port]]:
    """Turn inputs and outputs of ``model`` as the target has them; return what became of each.

    With ``last`` those of four and five axes are channels last, else all stay as they are.
    """
    from modelport_onnx import graph

    outputs = list(model.graph.output)
    return (
        [_input(model, v, i, last=last) for i, v in enumerate(graph.graph_inputs(model))],
        [_output(model, value, index, last=last) for index, value in enumerate(outputs)],
    )


def _input(model: Any, value: Any, index: int, *, last: bool) -> Port:
    """Let an input in under a name of ours, channels last if asked; the graph turns it back."""
    from onnx import helper

    from modelport_onnx import signature

    shape = tuple(signature.shape(value) or ())
    axes = LAST.get(len(shape), ()) if last else ()
    name, inner = value.name, INPUT % index
    # One node more, so that no body of control flow needs to know another name.
    back = [axes.index(axis) for axis in range(len(axes))]
    turn = {"op_type": "Transpose", "perm": back} if axes else {"op_type": "Identity"}
    model.graph.node.insert(0, helper.make_node(inputs=[inner], outputs=[name], **turn))
    value.name = inner
    shape = tuple(shape[axis] for axis in axes) or shape
    signature.set_shape(value, shape)
    return Port(name, inner, shape, axes)


def _output(model: Any, value: Any, index: int, *, last: bool) -> Port:
    from onnx import TensorProto, helper

    from modelport_onnx import signature

    sizes = signature.shape(value)
    known = sizes is not None and all(isinstance(size, int) for size in sizes)
    shape = tuple(sizes or ()) if known else ()
    name, inner, length = value.name, OUTPUT % index, LENGTH % index
    axes = LAST.get(len(shape), ()) if last else ()
    last_name = name
    if axes:
        last_name = f"{inner}_turned"
        model.graph.node.append(helper.make_node("Transpose", [name], [last_name], perm=axes))
        shape = tuple(shape[axis] for axis in axes)
    flat = len(shape) > 2
    if flat:
        count = helper.make_tensor(length, TensorProto.INT64, [1], [math.prod(shape)])
        model.graph.initializer.append(count)
        model.graph.node.append(helper.make_node("Reshape", [last_name, length], [inner]))
        signature.set_shape(value, [math.prod(shape)])
    else:
        model.graph.node.append(helper.make_node("Identity", [last_name], [inner]))
    value.name = inner
    return Port(name, inner, shape, axes, flat=flat)
