"""Translates inputs to the target's names and layout, and its outputs back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelport.model import Array, Port, Tensors


def to_target(feeds: Tensors, ports: Sequence[Port]) -> dict[str, Array]:
    """Return the source's inputs as the target takes them; those that are gone are left out."""
    by_source = {port.source: port for port in ports}
    result: dict[str, Array] = {}
    for name, array in feeds.items():
        port = by_source.get(name)
        if port is None:
            result[name] = array
        elif port.target is not None:
            result[port.target] = _turned(array, port.axes)
    return result


def to_source(outputs: Tensors, ports: Sequence[Port]) -> dict[str, Array]:
    """Return the target's outputs under the source's names and in its layout.

    The target's order is kept. An output that no port mentions keeps its name; one that
    two source outputs share is returned under both.
    """
    by_target: dict[str, list[Port]] = {}
    for port in ports:
        if port.target is not None:
            by_target.setdefault(port.target, []).append(port)
    claimed = {port.source for port in ports}
    result: dict[str, Array] = {}
    for name, array in outputs.items():
        for port in by_target.get(name, ()):
            result[port.source] = _turned(array, _inverse(port.axes))
        if name not in by_target:
            result[f"{name} (unmapped)" if name in claimed else name] = array
    return result


def misfit(feeds: Tensors, ports: Sequence[Port]) -> str:
    """Return why the target cannot be given this case; empty if it can.

    A converter may have fixed a shape, or built a value in; the cases with another shape
    or value say nothing about the result.
    """
    for port in ports:
        array = feeds.get(port.source)
        if array is None:
            continue
        if port.constant is not None and not _same(array, np.asarray(port.constant)):
            return f"input {port.source!r} is built in as {port.constant!r}"
        # A port's shape is the target's, as its axes are.
        if port.shape is not None and _turned(array, port.axes).shape != tuple(port.shape):
            return f"input {port.source!r} is fixed to shape {list(port.shape)}"
    return ""


def _same(array: Array, constant: Array) -> bool:
    return array.size == constant.size and bool(np.all(array.ravel() == constant.ravel()))


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.argsort(axes)) if axes else ()


def _turned(array: Array, axes: Sequence[int]) -> Array:
    # Another rank than declared is the comparison's business: it names both shapes.
    if not axes or len(axes) != array.ndim:
        return array
    return np.transpose(array, axes)
