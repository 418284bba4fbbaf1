"""LSTM over a few steps, written out: pnnx has no pattern for one with states given and kept."""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.scope import Scope, attributes
from modelport_plugins.ncnn.writer import Writer

MOST_STEPS = 4  # beyond, the graph grows larger than it helps
GATES = ("input", "output", "forget", "cell")  # their order in W, R and B; ONNX, LSTM


def unrolled(scope: Scope, node: Any) -> list[Any] | None:
    """LSTM forward, with ONNX's own activations and constant weights."""
    given = attributes(node)
    names = [*node.input, *[""] * (8 - len(node.input))]
    sizes = scope.static(names[0])
    weights = [scope.value(name) if name else None for name in names[1:4]]
    odd = set(given) - {"hidden_size", "direction"} or names[4] or names[7]
    forward = given.get("direction", b"forward") == b"forward"
    if odd or not forward or sizes is None or sizes[0] > MOST_STEPS or not (names[5] and names[6]):
        return None
    if weights[0] is None or weights[1] is None:
        return None
    steps, batch, width = sizes
    hidden = int(given.get("hidden_size", weights[1].shape[-1]))
    writer = Writer(scope)
    parts = _gates(writer, weights, hidden)
    state, cell = (writer.shaped(name, [batch, hidden]) for name in names[5:7])
    made = []
    for step in range(steps):
        value = names[0] if steps == 1 else writer.sliced(names[0], 0, step)
        state, cell = _step(writer, parts, writer.shaped(value, [batch, width]), (state, cell))
        made.append(writer.shaped(state, [1, 1, batch, hidden]))
    outputs = [*node.output, *[""] * (3 - len(node.output))]
    if outputs[0]:
        writer.add("Concat", *made, name=outputs[0], axis=0)
    for result, output in ((state, outputs[1]), (cell, outputs[2])):
        if output:
            writer.shaped(result, [1, batch, hidden], name=output)
    return writer.nodes


def _gates(writer: Writer, weights: list[Any], hidden: int) -> dict[str, tuple[str, str, str]]:
    """Return the constants of each gate: weights of the input, of the state, and bias."""
    import numpy as np

    scope = writer.scope
    inputs, states = weights[0][0], weights[1][0]
    bias = weights[2][0] if weights[2] is not None else np.zeros(8 * hidden, np.float32)
    total = bias[: 4 * hidden] + bias[4 * hidden :]
    parts = {}
    for index, gate in enumerate(GATES):
        rows = slice(index * hidden, (index + 1) * hidden)
        held = (inputs[rows], states[rows], total[rows])
        parts[gate] = (*(scope.constant(array) for array in held),)
    return {gate: (a, b, c) for gate, (a, b, c) in parts.items()}


def _step(
    writer: Writer, parts: dict[str, tuple[str, str, str]], value: str, before: tuple[str, str]
) -> tuple[str, str]:
    """Return state and cell after one step."""
    state, cell = before
    gates = {}
    for gate, (inputs, states, bias) in parts.items():
        fed = writer.add("Gemm", value, inputs, bias, transB=1)
        kept = writer.add("Gemm", state, states, transB=1)
        kind = "Tanh" if gate == "cell" else "Sigmoid"
        gates[gate] = writer.add(kind, writer.add("Add", fed, kept))
    old = writer.add("Mul", gates["forget"], cell)
    cell = writer.add("Add", old, writer.add("Mul", gates["input"], gates["cell"]))
    return writer.add("Mul", gates["output"], writer.add("Tanh", cell)), cell
