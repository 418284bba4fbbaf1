"""Recurrent operators of one step, written as what they compute."""

from __future__ import annotations

from typing import Any

from modelport_onnx.graph import initializers
from modelport_onnx.shape import known
from modelport_onnx.writer import Writer, replaced


def split_lstm(model: Any) -> int:
    """Write an LSTM of one step and one direction as matrix products and gates."""
    from onnx import numpy_helper

    shapes = known(model)
    held = initializers(model.graph)

    def write(graph: Any, node: Any) -> list[Any] | None:
        sizes = shapes.get(node.input[0])
        inputs = [*node.input, *[""] * (8 - len(node.input))]
        plain = {a.name for a in node.attribute} <= {"hidden_size", "direction"}
        forward = all(a.s != b"bidirectional" for a in node.attribute)
        weights = [held.get(name) for name in inputs[1:4] if name]
        if not plain or not forward or inputs[4] or inputs[7] or None in weights:
            return None
        if not sizes or sizes[0] != 1 or not all(isinstance(size, int) for size in sizes):
            return None
        arrays = [numpy_helper.to_array(tensor)[0] for tensor in weights]
        return _lstm_step(Writer(graph, node.output[0] or node.output[1]), node, sizes[1], arrays)

    return replaced(model, {"LSTM"}, write)


def _lstm_step(writer: Writer, node: Any, batch: int, arrays: list[Any]) -> list[Any]:
    hidden = arrays[1].shape[-1]
    kind = str(arrays[0].dtype)
    inputs = [*node.input, *[""] * (8 - len(node.input))]
    rows = writer.reshape(node.input[0], [batch, arrays[0].shape[-1]])
    bias = []
    if inputs[3]:
        bias = [writer.constant(arrays[2][: 4 * hidden] + arrays[2][4 * hidden :], kind)]
    gates = writer.add("Gemm", [rows, writer.constant(arrays[0], kind), *bias], transB=1)
    if inputs[5]:
        before = writer.reshape(inputs[5], [batch, hidden])
        again = writer.add("Gemm", [before, writer.constant(arrays[1], kind)], transB=1)
        gates = writer.add("Add", [gates, again])
    parts = []
    for k in range(4):  # ONNX orders the gates: input, output, forget, cell
        ends = [writer.constant([k * hidden]), writer.constant([(k + 1) * hidden])]
        parts.append(writer.add("Slice", [gates, *ends, writer.constant([1])]))
    gate, shown, forget = (writer.add("Sigmoid", [part]) for part in parts[:3])
    cell = writer.add("Mul", [gate, writer.add("Tanh", [parts[3]])])
    if inputs[6]:
        old = writer.add("Mul", [forget, writer.reshape(inputs[6], [batch, hidden])])
        cell = writer.add("Add", [old, cell])
    state = writer.add("Mul", [shown, writer.add("Tanh", [cell])])
    outputs = [*node.output, "", ""]
    for name, value, sizes in (
        (outputs[0], state, [1, 1, batch, hidden]),
        (outputs[1], state, [1, batch, hidden]),
        (outputs[2], cell, [1, batch, hidden]),
    ):
        if name:
            writer.reshape(value, sizes, name)
    return writer.nodes
