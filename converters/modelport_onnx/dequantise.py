"""Writes quantised operators in floating point, for runtimes that have none of them.

Weights become what their integers stand for; activations are no longer rounded, so results
agree with the source as a quantised model agrees with the float one it was made of, and no
better. Each function takes a ``ModelProto``, edits the main graph in place, and returns how
often it did. ONNX Runtime's dynamic quantiser writes LSTMs, products and embeddings; its
static one writes pairs of QuantizeLinear and DequantizeLinear.
"""

from __future__ import annotations

from typing import Any

from modelport_onnx.graph import constants, copy, set_nodes
from modelport_onnx.rewrite import drop_unused
from modelport_onnx.writer import Writer

MICROSOFT = "com.microsoft"
MOVERS = {"Gather", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice", "Flatten"}
BOUNDS = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}


def dequantise(model: Any) -> int:
    """Apply every rewrite; return how many operators they replaced."""
    graph = model.graph
    known = _Known(graph)
    count = 0
    nodes: list[Any] = []
    for node in graph.node:
        write = WRITERS.get((node.domain, node.op_type))
        new = write(known, node) if write else None
        nodes += [node] if new is None else new
        count += new is not None
    if count:
        set_nodes(graph, nodes)
        drop_unused(model)
    return count


class _Known:
    """A graph, the constants in it, and who makes each tensor."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.constants = constants(graph)
        self.makers = {name: node for node in graph.node for name in node.output if name}

    def value(self, name: str) -> Any:
        """Return the array of a constant; None if it is none."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def maker(self, name: str, kind: str) -> Any:
        """Return the node of ``kind`` that makes ``name``; None if another one does."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == kind else None


def _real(array: Any, scale: Any, zero: Any, axis: int | None = None) -> Any:
    """Return what quantised values stand for, as float32; scales of several lie along ``axis``."""
    import numpy as np

    def spread(given: Any) -> Any:
        if given.size == 1:
            return given.reshape(())
        sizes = [1] * array.ndim
        sizes[0 if axis is None else axis] = -1
        return given.reshape(sizes)

    shift = np.int32(0) if zero is None else spread(zero.astype(np.int32))
    return ((array.astype(np.int32) - shift) * spread(scale)).astype(np.float32)


def _lstm(known: _Known, node: Any) -> list[Any] | None:
    """DynamicQuantizeLSTM: an LSTM, whose weights lie the other way round."""
    from onnx import helper

    held = [known.value(name) for name in (*node.input[1:3], *node.input[8:12])]
    if any(array is None for array in held):
        return None
    weights, again, scale, zero, again_scale, again_zero = held
    writer = Writer(known.graph, node.output[0] or node.output[1])
    inputs = [node.input[0]]
    for array, own, shift in ((weights, scale, zero), (again, again_scale, again_zero)):
        # Of each direction one scale, or one a column.
        sizes = (len(own), 1, -1)
        whole = array.astype("int32") - shift.reshape(sizes).astype("int32")
        real = whole * own.reshape(sizes)
        inputs.append(writer.constant(real.transpose(0, 2, 1), "float32"))
    inputs += node.input[3:8]
    while not inputs[-1]:
        inputs.pop()
    made = helper.make_node("LSTM", inputs, list(node.output), name=node.name)
    made.attribute.extend(copy(a) for a in node.attribute if a.name != "input_forget" or a.i)
    return [made]


def _product(known: _Known, node: Any) -> list[Any] | None:
    """The Mul behind a MatMulInteger of dynamically quantised values: a MatMul."""
    for cast_name, scales in (node.input, reversed(node.input)):
        cast, scale = known.maker(cast_name, "Cast"), known.maker(scales, "Mul")
        whole = known.maker(cast.input[0], "MatMulInteger") if cast else None
        source = known.maker(whole.input[0], "DynamicQuantizeLinear") if whole else None
        if scale is None or source is None or source.output[1] not in scale.input:
            continue
        own = next((known.value(n) for n in scale.input if n != source.output[1]), None)
        weights = known.value(whole.input[1])
        zero = known.value(whole.input[3]) if len(whole.input) > 3 else None
        if own is None or weights is None or (len(whole.input) > 3 and zero is None):
            return None
        writer = Writer(known.graph, node.output[0])
        real = writer.constant(_real(weights, own, zero, weights.ndim - 1), "float32")
        writer.add("MatMul", [source.input[0], real], node.output[0])
        return writer.nodes
    return None


def _dequantised(known: _Known, node: Any) -> list[Any] | None:
    """DequantizeLinear of a constant that was only moved, or of what was just quantised."""
    scale = known.value(node.input[1])
    given = len(node.input) > 2 and node.input[2]
    zero = known.value(node.input[2]) if given else None
    if scale is None or (given and zero is None) or scale.ndim > 1:
        return None
    before = known.maker(node.input[0], "QuantizeLinear")
    if before is not None:
        return _clipped(known, node, before, scale, zero)
    chain: list[Any] = []
    name = node.input[0]
    while name not in known.constants:
        mover = known.makers.get(name)
        if mover is None or mover.op_type not in MOVERS:
            return None
        chain.append(mover)
        name = mover.input[0]
    array = known.value(name)
    if chain and scale.size > 1:
        return None
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    writer = Writer(known.graph, node.output[0])
    last = writer.constant(_real(array, scale, zero, axis % max(array.ndim, 1)), "float32")
    for mover in reversed(chain):
        twin = copy(mover)
        twin.input[0] = last
        last = f"{node.output[0]}/{mover.output[0]}"
        twin.output[:] = [last]
        twin.name = last
        writer.nodes.append(twin)
    writer.add("Identity", [last], node.output[0])
    return writer.nodes


def _clipped(known: _Known, node: Any, before: Any, scale: Any, zero: Any) -> list[Any] | None:
    """What was quantised and is at once read back: kept within what the integers can hold.

    A quantiser takes a Relu away where the bounds do its work.
    """
    own = known.value(before.input[1])
    if own is None or own.size != 1 or scale.size != 1 or float(own) != float(scale):
        return None
    shift = 0 if zero is None else int(zero.reshape(()))
    low, high = BOUNDS.get("uint8" if zero is None else str(zero.dtype), (0, 0))
    if low == high:
        return None
    writer = Writer(known.graph, node.output[0])
    ends = [writer.constant((n - shift) * float(scale), "float32") for n in (low, high)]
    writer.add("Clip", [before.input[0], *ends], node.output[0])
    return writer.nodes


WRITERS = {
    (MICROSOFT, "DynamicQuantizeLSTM"): _lstm,
    ("", "Mul"): _product,
    ("", "DequantizeLinear"): _dequantised,
}
