"""LSTM, GRU and RNN: PyTorch's own layers with the gates in PyTorch's order."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.source import Source
from modelport_sdk import UnsupportedOperator

# Order of ONNX's gates in which PyTorch has them: i, f, g, o out of i, o, f, c; r, z, n out of
# z, r, h. Source: ONNX operator pages of LSTM and GRU; documentation of torch.nn.LSTM and GRU.
ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
PLAIN = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


def _check(src: Source, node: Any, attrs: dict[str, Any], directions: int) -> None:
    """Refuse what PyTorch's layers cannot do."""
    kind = node.op_type
    activations = attrs.get("activations", PLAIN[kind] * directions)
    plain = [name.lower() for name in activations] == [n.lower() for n in PLAIN[kind] * directions]
    relu = kind == "RNN" and {name.lower() for name in activations} == {"relu"}
    lengths = len(node.input) > 4 and node.input[4]
    peepholes = kind == "LSTM" and len(node.input) > 7 and node.input[7]
    if not (plain or relu) or "clip" in attrs or peepholes or lengths or attrs.get("input_forget"):
        what = "sequence lengths" if lengths else "peepholes, clipping or other activations"
        raise UnsupportedOperator(f"{kind} with {what} has no counterpart", operators=[kind])
    if src.const(node.input[1]) is None or src.const(node.input[2]) is None:
        raise UnsupportedOperator(f"{kind} with computed weights", operators=[kind])


def _weights(src: Source, node: Any, hidden: int) -> list[str]:
    """Return expressions for w, r, bw, br of each direction, in PyTorch's order of gates."""
    import numpy as np

    order = ORDER[node.op_type]
    w, r = src.const(node.input[1]), src.const(node.input[2])
    named = len(node.input) > 3 and node.input[3]
    bias = src.const(node.input[3]) if named else None
    if named and bias is None:
        raise UnsupportedOperator(f"{node.op_type} with a computed bias", operators=[node.op_type])
    zeros = np.zeros((w.shape[0], 2 * len(order) * hidden), w.dtype)
    bias = zeros if bias is None else bias
    texts = []
    for direction in range(w.shape[0]):
        split = np.split(bias[direction], 2)
        for note, part in zip(
            ("w", "r", "bw", "br"), (w[direction], r[direction], *split), strict=True
        ):
            gates = np.split(part, len(order))
            ordered = np.ascontiguousarray(np.concatenate([gates[gate] for gate in order]))
            src.pinned.append(ordered)  # attribute() tells arrays apart by identity
            stem = node.input[1] if note in {"w", "bw"} else node.input[2]
            texts.append(src.attribute(stem, ordered, f"_{note}{direction}"))
    return texts


def _state(src: Source, node: Any, place: int, x: str, shape: tuple[int, int]) -> str:
    if place < len(node.input) and node.input[place]:
        state = src.tensor(node.input[place])
        return f"torch.permute({state}, [1, 0, 2])" if shape[0] < 0 else state
    return f"recurrent.zeros_state({x}, {abs(shape[0])}, {shape[1]})"


def _recurrent(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kind = node.op_type
    directions = 2 if attrs.get("direction") == "bidirectional" else 1
    backwards = attrs.get("direction") == "reverse"
    _check(src, node, attrs, directions)
    hidden = int(src.const(node.input[2]).shape[-1])
    batched = bool(attrs.get("layout", 0))
    x = src.fresh()
    text = src.tensor(node.input[0])
    text = f"torch.permute({text}, [1, 0, 2])" if batched else text
    src.line(f"{x} = torch.flip({text}, [0])" if backwards else f"{x} = {text}")
    shape = (-directions if batched else directions, hidden)
    h = _state(src, node, 5, x, shape)
    if kind == "GRU" and not attrs.get("linear_before_reset", 0):
        y, states = _gru_by_steps(src, node, x, h)
    else:
        state = f"[{h}, {_state(src, node, 6, x, shape)}]" if kind == "LSTM" else h
        relu = kind == "RNN" and "relu" in {n.lower() for n in attrs.get("activations", [])}
        function = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_relu" if relu else "rnn_tanh"}[kind]
        weights = ", ".join(_weights(src, node, hidden))
        results = [src.fresh() for _ in range(3 if kind == "LSTM" else 2)]
        flags = f"True, 1, 0.0, False, {directions == 2}, False"
        src.line(f"{', '.join(results)} = torch.{function}({x}, {state}, [{weights}], {flags})")
        y = f"recurrent.split_directions({results[0]}, {directions})"
        states = results[1:]
    _finish(src, node, y, states, backwards=backwards, batched=batched)


def _finish(
    src: Source, node: Any, y: str, states: list[str], *, backwards: bool, batched: bool
) -> None:
    y = f"torch.flip({y}, [0])" if backwards else y
    y = f"torch.permute({y}, [2, 0, 1, 3])" if batched else y
    for name, value in zip(node.output, (y, *states), strict=False):
        if name:
            moved = f"torch.permute({value}, [1, 0, 2])" if batched and value != y else value
            src.set(name, moved)


def _gru_by_steps(src: Source, node: Any, x: str, h: str) -> tuple[str, list[str]]:
    """Write a GRU whose reset gate works before the product, a direction at a time."""
    import numpy as np

    w, r = src.const(node.input[1]), src.const(node.input[2])
    bias = src.const(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    bias = np.zeros((w.shape[0], 6 * r.shape[-1]), w.dtype) if bias is None else bias
    ys, lasts = [], []
    for direction in range(w.shape[0]):
        parts = []
        for note, array in (("w", w), ("r", r), ("b", bias)):
            part = np.ascontiguousarray(array[direction])
            src.pinned.append(part)
            parts.append(src.attribute(node.input[1], part, f"_{note}{direction}"))
        y, last = src.fresh(), src.fresh()
        fed = f"torch.flip({x}, [0])" if direction else x
        rest = ", ".join(parts)
        src.line(f"{y}, {last} = recurrent.gru_reset_first({fed}, {h}[{direction}], {rest})")
        ys.append(f"torch.flip({y}, [0])" if direction else y)
        lasts.append(last)
    return f"torch.stack([{', '.join(ys)}], 1)", [f"torch.stack([{', '.join(lasts)}])"]


TABLE = dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent)
