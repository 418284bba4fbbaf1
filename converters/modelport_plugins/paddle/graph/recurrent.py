"""LSTM and GRU, written out step by step: the number of steps must be known."""

from __future__ import annotations

from typing import Any

from modelport_sdk import UnsupportedFeature

MOST_STEPS = 512  # beyond, the program grows larger than it helps
PLAIN = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


def _recurrent(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    names = [*node.input, *[""] * (8 - len(node.input))]
    directions = {"bidirectional": 2}.get(attrs.get("direction", "forward"), 1)
    _refuse_odd(node, attrs, names, directions)
    x = g.tensor(names[0])
    steps = g.sizes(x)[0]
    if not isinstance(steps, int) or steps > MOST_STEPS:
        g.whole(x)
        raise UnsupportedFeature(f"{node.op_type} of {steps} steps, more than {MOST_STEPS}")
    rows = [g.p.squeeze(g.p.slice(x, [0], [k], [k + 1]), 0) for k in range(steps)]
    run = _lstm if node.op_type == "LSTM" else _gru
    whole, last, cells = [], [], []
    for which in range(directions):
        weights = [g.value(names[k])[which] if names[k] else None for k in (1, 2, 3)]
        states = [_start(g, names[k], which, weights[1].shape[-1], x) for k in (5, 6)]
        back = which == 1 or attrs.get("direction") == "reverse"
        made, state, cell = run(g, rows[::-1] if back else rows, weights, states, attrs)
        whole.append(g.p.stack(made[::-1] if back else made, axis=0))
        last.append(state)
        cells.append(cell)
    outputs = [g.p.stack(whole, axis=1), g.p.stack(last, axis=0)]
    return [*outputs, g.p.stack(cells, axis=0)] if node.op_type == "LSTM" else outputs


def _refuse_odd(node: Any, attrs: dict[str, Any], names: list[str], directions: int) -> None:
    said = [one.decode() if isinstance(one, bytes) else one for one in attrs.get("activations", [])]
    odd = said and said != PLAIN[node.op_type] * directions
    if odd or names[4] or names[7] or attrs.get("layout") or attrs.get("clip"):
        raise UnsupportedFeature(
            f"{node.op_type} with lengths, peepholes, clipping or activations of its own"
        )


def _start(g: Any, name: str, which: int, hidden: int, x: Any) -> Any:
    """Return the first state: what is given, or zeros for each row of ``x``."""
    if name:
        return g.p.squeeze(g.p.slice(g.tensor(name), [0], [which], [which + 1]), 0)
    batch = g.sizes(x)[1]
    return g.p.full([batch, hidden], 0.0, dtype=g.kind(x))


def _parts(g: Any, weights: list[Any], names: str) -> Any:
    """Return the weights of the input and of the state as parameters, and both biases."""
    import numpy as np

    width = weights[0].shape[0]
    bias = weights[2] if weights[2] is not None else np.zeros(2 * width, weights[0].dtype)
    inner, outer = (g.parameter(one, f"{names}_{end}") for one, end in zip(weights, ("w", "r")))
    return inner, outer, bias[:width], bias[width:]


def _gates(g: Any, total: Any, hidden: int, count: int) -> list[Any]:
    return [g.p.slice(total, [1], [k * hidden], [(k + 1) * hidden]) for k in range(count)]


def _lstm(g: Any, rows: Any, weights: Any, states: Any, attrs: dict[str, Any]) -> Any:
    hidden = weights[1].shape[-1]
    inner, outer, first, second = _parts(g, weights, "lstm")
    bias = g.constant(first + second, "lstm_b")
    state, cell = states
    made = []
    for row in rows:
        total = g.p.matmul(row, inner, transpose_y=True) + bias
        total = total + g.p.matmul(state, outer, transpose_y=True)
        entry, shown, forget, fresh = _gates(g, total, hidden, 4)  # ONNX: input, output, forget
        forgotten = 1.0 - g.F.sigmoid(entry) if attrs.get("input_forget") else g.F.sigmoid(forget)
        cell = forgotten * cell + g.F.sigmoid(entry) * g.p.tanh(fresh)
        state = g.F.sigmoid(shown) * g.p.tanh(cell)
        made.append(state)
    return made, state, cell


def _gru(g: Any, rows: Any, weights: Any, states: Any, attrs: dict[str, Any]) -> Any:
    hidden = weights[1].shape[-1]
    inner, outer, first, second = _parts(g, weights, "gru")
    biases = [g.constant(one, f"gru_b{k}") for k, one in enumerate((first, second))]
    late = bool(attrs.get("linear_before_reset"))
    state = states[0]
    made = []
    tail = None if late else g.parameter(weights[1][2 * hidden :], "gru_rh")
    for row in rows:
        left = _gates(g, g.p.matmul(row, inner, transpose_y=True) + biases[0], hidden, 3)
        right = _gates(
            g, g.p.matmul(state, outer, transpose_y=True) + biases[1], hidden, 3
        )  # ONNX: update, reset, hidden
        update, reset = (g.F.sigmoid(left[k] + right[k]) for k in range(2))
        if late:
            fresh = g.p.tanh(left[2] + reset * right[2])
        else:
            again = g.p.matmul(reset * state, tail, transpose_y=True)
            fresh = g.p.tanh(left[2] + again + g.constant(second[2 * hidden :], "gru_bh"))
        state = (1.0 - update) * fresh + update * state
        made.append(state)
    return made, state, state


TABLE: dict[str, Any] = {"LSTM": _recurrent, "GRU": _recurrent}
