"""Operators that pick and place elements by index."""

from __future__ import annotations

from typing import Any

from modelport_sdk import UnsupportedFeature


def _places(g: Any, name: str, length: Any) -> Any:
    """Return indices, those that count from the end made plain; ``length`` is the axis' size."""
    import numpy as np

    held = g.held.get(name)
    if held is not None and (isinstance(length, int) or (held >= 0).all()):
        return g.constant(np.where(held < 0, held + length, held) if (held < 0).any() else held)
    places = g.tensor(name)
    return g.p.where(g.p.less_than(places, g.p.zeros_like(places)), places + length, places)


def _gather(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    axis = attrs.get("axis", 0) % len(x.shape)
    sizes = g.sizes(x)
    places = _places(g, node.input[1], sizes[axis])
    kind = g.kind(x)
    table = g.p.cast(x, "int32") if kind == "bool" else x
    made = g.p.gather(table, g.p.reshape(places, [-1]), axis=axis)
    if len(places.shape) != 1:
        made = g.reshape(made, [*sizes[:axis], *g.sizes(places), *sizes[axis + 1 :]])
    return g.p.cast(made, kind) if kind == "bool" else made


def _gather_elements(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    axis = attrs.get("axis", 0) % len(x.shape)
    places = _places(g, node.input[1], g.sizes(x)[axis])
    return g.p.take_along_axis(x, places, axis, broadcast=False)


def _gather_nd(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    if attrs.get("batch_dims"):
        raise UnsupportedFeature("GatherND with batch_dims is not written")
    return g.p.gather_nd(*map(g.tensor, node.input))


def _scatter_nd(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    """Lay the updates on zeros, and a one wherever there is one."""
    if attrs.get("reduction", "none") != "none":
        raise UnsupportedFeature("ScatterND with a reduction is not written")
    x, places, updates = map(g.tensor, node.input)
    nought = g.p.zeros_like(x)
    laid = g.p.scatter_nd_add(nought, places, updates)
    taken = g.p.scatter_nd_add(nought, places, g.p.ones_like(updates))
    return g.p.where(g.p.greater_than(taken, nought), laid, x)


def _scatter_elements(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    if attrs.get("reduction", "none") != "none":
        raise UnsupportedFeature("ScatterElements with a reduction is not written")
    x = g.tensor(node.input[0])
    axis = attrs.get("axis", 0) % len(x.shape)
    places = _places(g, node.input[1], g.sizes(x)[axis])
    values = g.tensor(node.input[2])
    return g.p.put_along_axis(x, places, values, axis, broadcast=False)


def _one_hot(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    places, depth = g.tensor(node.input[0]), int(g.value(node.input[1]).reshape(-1)[0])
    off, on = g.value(node.input[2])
    places = g.p.cast(places, "int64")
    places = g.p.where(g.p.less_than(places, g.p.zeros_like(places)), places + depth, places)
    hot = g.F.one_hot(places, depth) * float(on - off) + float(off)
    rank = len(hot.shape)
    axis = attrs.get("axis", -1) % rank
    order = list(range(rank - 1))
    order.insert(axis, rank - 1)
    made = g.p.transpose(hot, order) if axis != rank - 1 else hot
    return g.p.cast(made, g.value(node.input[2]).dtype.name)


def _triangle(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    shift = g.numbers(node.input[1])[0] if len(node.input) > 1 and node.input[1] else 0
    function = g.p.triu if attrs.get("upper", 1) else g.p.tril
    return function(g.tensor(node.input[0]), diagonal=shift)


def _non_zero(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.transpose(g.p.nonzero(g.tensor(node.input[0])), [1, 0])


TABLE: dict[str, Any] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
    "OneHot": _one_hot,
    "Trilu": _triangle,
    "NonZero": _non_zero,
}
