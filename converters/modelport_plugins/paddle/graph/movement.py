"""Operators that move elements, and those that make tensors of sizes."""

from __future__ import annotations

from typing import Any

from modelport_plugins.paddle.graph.builder import known
from modelport_sdk import UnsupportedFeature

FAR = 2**31 - 1  # an end of a slice beyond any axis; Paddle's kernels take 32 bits


def _reshape(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    wanted = g.given(node, 1, "shape", attrs)
    if isinstance(wanted, list) and attrs.get("allowzero") and 0 in wanted:
        raise UnsupportedFeature("Reshape to an axis without elements is not written")
    return g.p.reshape(x, wanted)


def _flatten(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    rank = len(x.shape)
    axis = attrs.get("axis", 1) % (rank or 1) if attrs.get("axis", 1) != rank else rank
    if axis == 0:
        return g.p.reshape(x, [1, -1])
    if axis == rank:
        return g.p.reshape(x, [-1, 1])
    x = g.p.flatten(x, 0, axis - 1) if axis > 1 else x
    return g.p.flatten(x, 1, -1) if rank - axis > 1 else x


def _squeeze(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    axes = g.given(node, 1, "axes", attrs)
    if axes is None:
        axes = [axis for axis, size in enumerate(g.whole(x)) if size == 1]
    return g.p.squeeze(x, list(axes)) if axes else g.p.assign(x)


def _unsqueeze(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    """Insert axes, in order: Paddle counts each of several in what the last one left."""
    x = g.tensor(node.input[0])
    axes = g.given(node, 1, "axes", attrs)
    rank = len(x.shape) + len(axes)
    return g.p.unsqueeze(x, sorted(axis % rank for axis in axes))


def _transpose(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    return g.p.transpose(x, list(attrs.get("perm", range(len(x.shape) - 1, -1, -1))))


def _concat(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    parts = [g.tensor(name) for name in node.input]
    return g.p.concat(parts, axis=attrs["axis"]) if len(parts) > 1 else g.p.assign(parts[0])


def _split(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, axis = g.tensor(node.input[0]), attrs.get("axis", 0)
    sizes = g.given(node, 1, "split", attrs)
    if sizes is None:
        length, count = int(x.shape[axis]), len(node.output)
        size = -(-length // count)
        sizes = count if length < 0 else [size] * (count - 1) + [length - size * (count - 1)]
    return list(g.p.split(x, list(sizes) if not isinstance(sizes, int) else sizes, axis=axis))


def _slice(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    starts, ends = (g.given(node, k, key, attrs) for k, key in ((1, "starts"), (2, "ends")))
    axes, steps = g.given(node, 3, "axes", attrs), g.given(node, 4, "steps", {})
    starts, ends = (_near(one) for one in (starts, ends))
    if axes is None:
        axes = list(range(len(starts) if isinstance(starts, list) else int(starts.shape[0])))
    if not isinstance(axes, list) and not isinstance(axes, tuple):
        axes = [int(axis) for axis in axes] if not hasattr(axes, "shape") else _refuse()
    axes = [axis % len(x.shape) for axis in axes]
    if steps is not None and not isinstance(steps, list):
        _refuse()
    if steps is None or set(steps) == {1}:
        return g.p.slice(x, axes, starts, ends)
    # Backwards to the very first element: an end that no index reaches.
    return g.p.strided_slice(x, axes, starts, ends, steps)


def _near(ends: Any) -> Any:
    if not isinstance(ends, (list, tuple)) and hasattr(ends, "shape"):
        return ends
    return [max(min(int(end), FAR), -FAR) for end in ends]


def _refuse() -> Any:
    raise UnsupportedFeature("Slice whose axes or steps are computed is not written")


def _expand(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, wanted = g.tensor(node.input[0]), g.numbers(node.input[1])
    kind = g.kind(x)
    if isinstance(wanted, list):
        sizes = list(x.shape)
        whole = max(len(sizes), len(wanted))
        sizes, wanted = [1] * (whole - len(sizes)) + sizes, [1] * (whole - len(wanted)) + wanted
        kept = whole - len(x.shape)
        both = [
            -1 if want == 1 and place >= kept else max(want, size)
            for place, (size, want) in enumerate(zip(sizes, wanted))
        ]
        return g.p.expand(x, both)
    # Either may have the longer axis, which Paddle's expand does not take.
    plain = kind in {"float32", "float64", "int32", "int64"}
    ones = g.p.ones(wanted, kind if plain else "int32")
    made = (x if plain else g.p.cast(x, "int32")) * ones
    return made if plain else g.p.cast(made, kind)


def _tile(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.tile(g.tensor(node.input[0]), g.numbers(node.input[1]))


def _pad(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, mode = g.tensor(node.input[0]), attrs.get("mode", "constant")
    flat = g.given(node, 1, "pads", attrs)
    if not isinstance(flat, (list, tuple)) or (len(node.input) > 3 and node.input[3]):
        raise UnsupportedFeature("Pad of sizes or axes that are computed is not written")
    half, rank = len(flat) // 2, len(x.shape)
    pairs = list(zip(flat[:half], flat[half:]))
    if any(edge < 0 for pair in pairs for edge in pair):
        raise UnsupportedFeature("Pad with negative sizes is not written")
    if mode == "constant":
        name = node.input[2] if len(node.input) > 2 else ""
        value = g.value(name).reshape(-1)[0].item() if name else attrs.get("value", 0.0)
        return _filled(g, x, pairs, value)
    words = {"reflect": "reflect", "edge": "replicate"}
    if mode not in words or any(edge for pair in pairs[:-2] for edge in pair) or rank > 4:
        raise UnsupportedFeature(f"Pad of mode {mode} over {rank} axes is not written")
    lifted = 4 - rank
    for _ in range(lifted):
        x = g.p.unsqueeze(x, 0)
    last = [edge for pair in reversed(([(0, 0)] * 2 + pairs)[-2:]) for edge in pair]
    made = g.F.pad(x, last, mode=words[mode], data_format="NCHW")
    for _ in range(lifted):
        made = g.p.squeeze(made, 0)
    return made


def _filled(g: Any, x: Any, pairs: list[tuple[int, int]], value: Any) -> Any:
    kind = g.kind(x)
    plain = kind.startswith("float") or kind in {"int32", "int64"}
    made = g.F.pad(
        x if plain else g.p.cast(x, "int32"),
        [edge for pair in pairs for edge in pair],
        mode="constant",
        value=float(value),
    )
    return made if plain else g.p.cast(made, kind)


def _depth_to_space(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, size = g.tensor(node.input[0]), attrs["blocksize"]
    n, c, h, w = g.sizes(x)
    if attrs.get("mode", "DCR") == "CRD":
        inner, order = [n, c // size**2, size, size, h, w], [0, 1, 4, 2, 5, 3]
    else:
        inner, order = [n, size, size, c // size**2, h, w], [0, 3, 4, 1, 5, 2]
    moved = g.p.transpose(g.reshape(x, inner), order)
    return g.reshape(moved, [n, c // size**2, h * size, w * size])


def _space_to_depth(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, size = g.tensor(node.input[0]), attrs["blocksize"]
    n, c, h, w = g.sizes(x)
    inner = g.reshape(x, [n, c, h // size, size, w // size, size])
    moved = g.p.transpose(inner, [0, 3, 5, 1, 2, 4])
    return g.reshape(moved, [n, c * size**2, h // size, w // size])


def _shape(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    found = g.p.cast(g.p.shape(x), "int64")
    rank = len(x.shape)
    first, last, _ = slice(attrs.get("start", 0), attrs.get("end", rank)).indices(rank)
    return found if (first, last) == (0, rank) else g.p.slice(found, [0], [first], [last])


def _size(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.reshape(g.p.cast(g.p.numel(g.tensor(node.input[0])), "int64"), [])


def _filling(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    value = attrs.get("value")
    kind = "float32" if value is None else known(value.dtype.name)
    number = 0.0 if value is None else value.reshape(-1)[0].item()
    return g.p.full(g.numbers(node.input[0]), number, dtype=kind)


def _range(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    ends = [g.tensor(name) for name in node.input]
    return g.p.arange(*(g.p.reshape(end, [1]) for end in ends), dtype=g.kind(ends[0]))


TABLE: dict[str, Any] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Shape": _shape,
    "Size": _size,
    "ConstantOfShape": _filling,
    "Range": _range,
}
