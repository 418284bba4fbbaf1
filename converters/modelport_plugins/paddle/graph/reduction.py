"""Reductions, running sums, and the places of extremes."""

from __future__ import annotations

from typing import Any

from modelport_sdk import UnsupportedFeature


def _reduced(name: str, before: str = "", after: str = "") -> Any:
    """Return an entry that reduces with ``name``, after ``before`` and before ``after``."""

    def emit(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
        x = g.tensor(node.input[0])
        axes = g.given(node, 1, "axes", attrs)
        if not axes and attrs.get("noop_with_empty_axes"):
            return g.p.assign(x)
        axes = list(axes) if axes else list(range(len(x.shape)))
        if before:
            x = x * x if before == "square" else getattr(g.p, before)(x)
        keep = bool(attrs.get("keepdims", 1))
        made = getattr(g.p, name)(x, axis=axes, keepdim=keep) if axes else x
        return getattr(g.p, after)(made) if after else made

    return emit


def _best(name: str) -> Any:
    def emit(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
        if attrs.get("select_last_index"):
            raise UnsupportedFeature(f"{node.op_type} that takes the last of equals")
        keep = bool(attrs.get("keepdims", 1))
        return getattr(g.p, name)(g.tensor(node.input[0]), axis=attrs.get("axis", 0), keepdim=keep)

    return emit


def _top(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    count = g.given(node, 1, "k", attrs)
    count = count[0] if isinstance(count, (list, tuple)) else count
    largest = bool(attrs.get("largest", 1))
    made = g.p.topk(g.tensor(node.input[0]), count, axis=attrs.get("axis", -1), largest=largest)
    return list(made)


def _running(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, axis = g.tensor(node.input[0]), int(g.value(node.input[1]).reshape(-1)[0])
    turned = g.p.flip(x, [axis]) if attrs.get("reverse") else x
    total = g.p.cumsum(turned, axis=axis)
    if attrs.get("exclusive"):
        total = total - turned
    return g.p.flip(total, [axis]) if attrs.get("reverse") else total


TABLE: dict[str, Any] = {
    "ReduceSum": _reduced("sum"),
    "ReduceMean": _reduced("mean"),
    "ReduceMax": _reduced("max"),
    "ReduceMin": _reduced("min"),
    "ReduceProd": _reduced("prod"),
    "ReduceL1": _reduced("sum", "abs"),
    "ReduceL2": _reduced("sum", "square", "sqrt"),
    "ReduceSumSquare": _reduced("sum", "square"),
    "ReduceLogSum": _reduced("sum", "", "log"),
    "ReduceLogSumExp": _reduced("logsumexp"),
    "ArgMax": _best("argmax"),
    "ArgMin": _best("argmin"),
    "TopK": _top,
    "CumSum": _running,
}
