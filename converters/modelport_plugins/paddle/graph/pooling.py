"""Pooling over windows and over everything."""

from __future__ import annotations

from typing import Any

from modelport_plugins.paddle.graph.layer import edges, planar
from modelport_sdk import UnsupportedFeature


def _pooled(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    largest = node.op_type == "MaxPool"
    if len(node.output) > 1 and node.output[1]:
        raise UnsupportedFeature("MaxPool whose places of maxima are used")
    if any(gap != 1 for gap in attrs.get("dilations", ())):
        raise UnsupportedFeature(f"{node.op_type} with gaps between its elements")
    x, kernel = g.tensor(node.input[0]), list(attrs["kernel_shape"])
    steps = list(attrs.get("strides", [1] * len(kernel)))
    pairs = edges(x, attrs, kernel)
    linear = len(kernel) == 1
    if linear:
        x, kernel, steps, pairs = planar(g, x), [1, *kernel], [1, *steps], [(0, 0), *pairs]
    flat = [edge for pair in pairs for edge in pair]
    given = {
        "stride": steps,
        "padding": flat[::2] if flat[::2] == flat[1::2] else flat,
        "ceil_mode": bool(attrs.get("ceil_mode", 0)),
    }
    if not largest:
        given["exclusive"] = not attrs.get("count_include_pad", 0)
    function = f"{'max' if largest else 'avg'}_pool{len(kernel)}d"
    made = getattr(g.F, function)(x, kernel, **given)
    return g.p.squeeze(made, 2) if linear else made


def _global_average(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    if len(x.shape) == 4:
        return g.F.adaptive_avg_pool2d(x, [1, 1])
    return g.p.mean(x, axis=list(range(2, len(x.shape))), keepdim=True)


def _global_largest(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    return g.p.max(x, axis=list(range(2, len(x.shape))), keepdim=True)


TABLE: dict[str, Any] = {
    "MaxPool": _pooled,
    "AveragePool": _pooled,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_largest,
}
