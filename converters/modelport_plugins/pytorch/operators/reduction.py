"""Reductions over axes."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.operators.elementwise import Emit
from modelport_plugins.pytorch.operators.movement import axes
from modelport_plugins.pytorch.source import Source

# {0} the tensor, {1} the axes, {2} whether to keep them
FORMS = {
    "ReduceSum": "torch.sum({0}, {1}, {2})",
    "ReduceMean": "torch.mean({0}, {1}, {2})",
    "ReduceMax": "torch.amax({0}, {1}, {2})",
    "ReduceMin": "torch.amin({0}, {1}, {2})",
    "ReduceProd": "arithmetic.reduce_prod({0}, {1}, {2})",
    "ReduceL1": "torch.sum(torch.abs({0}), {1}, {2})",
    "ReduceL2": "torch.sqrt(torch.sum({0} * {0}, {1}, {2}))",
    "ReduceSumSquare": "torch.sum({0} * {0}, {1}, {2})",
    "ReduceLogSum": "torch.log(torch.sum({0}, {1}, {2}))",
    "ReduceLogSumExp": "torch.logsumexp({0}, {1}, {2})",
}
INTEGER = {"ReduceSum", "ReduceL1", "ReduceSumSquare", "ReduceProd"}  # PyTorch sums them as int64


def _reduce(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, places = src.tensor(node.input[0]), axes(src, node, attrs)
    keep = bool(attrs.get("keepdims", 1))
    if places is None or places == "[]":
        if attrs.get("noop_with_empty_axes"):
            src.set(node.output[0], x)
            return
        places = f"list(range({x}.dim()))"
    text = FORMS[node.op_type].format(x, places, keep)
    src.set(node.output[0], f"{text}.to({x}.dtype)" if node.op_type in INTEGER else text)


def _arg(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """ArgMax and ArgMin; the last of equal values is found on the flipped tensor."""
    x, axis = src.tensor(node.input[0]), attrs.get("axis", 0)
    function = "torch.argmax" if node.op_type == "ArgMax" else "torch.argmin"
    keep = bool(attrs.get("keepdims", 1))
    if attrs.get("select_last_index"):
        found = f"{function}(torch.flip({x}, [{axis}]), {axis}, {keep})"
        src.set(node.output[0], f"{x}.size({axis}) - 1 - {found}")
    else:
        src.set(node.output[0], f"{function}({x}, {axis}, {keep})")


TABLE: dict[str, Emit] = {**dict.fromkeys(FORMS, _reduce), "ArgMax": _arg, "ArgMin": _arg}
