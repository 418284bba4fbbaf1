"""Operators that pick and place elements by index."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.module.source import Source
from modelport_sdk import UnsupportedFeature


def _gather(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Write a cut for one index, an embedding for a table, else index_select on a flat list."""
    table, places = node.input
    rank = len(src.shape(table))
    axis = attrs.get("axis", 0) % rank
    held = src.held.get(places)
    if held is not None and held.ndim == 0:
        index = int(held) % src.shape(table)[axis]
        cuts = ", ".join([":"] * axis + [str(index)])
        src.set(node.output[0], f"{src.tensor(table)}[{cuts}]")
        return
    if axis == 0 and rank == 2 and held is None:
        src.set(node.output[0], f"F.embedding({src.tensor(places)}, {src.tensor(table)})")
        return
    if held is not None:
        flat = f"self.{src.constant(places, held.reshape(-1) % src.shape(table)[axis])}"
    else:
        flat = f"{src.tensor(places)}.reshape((-1,))"
    text = f"T.index_select({src.tensor(table)}, {axis}, {flat})"
    if len(src.shape(places)) != 1:
        text += f".reshape({tuple(src.shape(node.output[0]))})"
    src.set(node.output[0], text)


def _gather_many(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Write GatherND as index_select on the leading axes made one.

    Raises:
        UnsupportedFeature: The first axes are a batch.
    """
    import numpy as np

    if attrs.get("batch_dims", 0):
        raise UnsupportedFeature("GatherND with batch_dims is not written")
    table, places = node.input
    shape, depth = src.shape(table), src.shape(places)[-1]
    sizes = np.array(shape[:depth], np.int64)
    steps = np.array([np.prod(sizes[k + 1 :]) for k in range(depth)], np.int64)
    ends, widths = (f"self.{src.constant(f'{node.output[0]}_{n}', a)}" for n, a in
                    (("sizes", sizes), ("steps", steps)))  # fmt: skip
    at = src.tensor(places)
    counted = f"T.sum(T.where({at} < 0, {at} + {ends}, {at}) * {widths}, dim=-1)"
    flat = f"{src.tensor(table)}.reshape({(-1, *shape[depth:])})"
    picked = f"T.index_select({flat}, 0, {counted}.reshape((-1,)))"
    src.set(node.output[0], f"{picked}.reshape({tuple(src.shape(node.output[0]))})")


def _gather_elements(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, places = map(src.tensor, node.input)
    src.set(node.output[0], f"T.gather({x}, {attrs.get('axis', 0)}, {places})")


def _scatter_elements(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if attrs.get("reduction", b"none") not in {b"none", "none"}:
        raise UnsupportedFeature("ScatterElements with a reduction is not written")
    x, places, values = map(src.tensor, node.input)
    src.set(node.output[0], f"T.scatter({x}, {attrs.get('axis', 0)}, {places}, {values})")


def _triangle(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    shift = src.numbers(node.input[1])[0] if len(node.input) > 1 and node.input[1] else 0
    function = "triu" if attrs.get("upper", 1) else "tril"
    src.set(node.output[0], f"T.{function}({src.tensor(node.input[0])}, {shift})")


def _sampled(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    mode, edges = (
        value.decode() if isinstance(value := attrs.get(key, default), bytes) else value
        for key, default in (("mode", "bilinear"), ("padding_mode", "zeros"))
    )
    words = {"bilinear": "bilinear", "linear": "bilinear", "nearest": "nearest"}
    if mode not in words:
        raise UnsupportedFeature(f"GridSample of mode {mode} is not written")
    x, grid = map(src.tensor, node.input)
    aligned = bool(attrs.get("align_corners", 0))
    more = f'mode="{words[mode]}", padding_mode="{edges}", align_corners={aligned}'
    src.set(node.output[0], f"F.grid_sample({x}, {grid}, {more})")


TABLE: dict[str, Any] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_many,
    "ScatterElements": _scatter_elements,
    "Trilu": _triangle,
    "GridSample": _sampled,
}
