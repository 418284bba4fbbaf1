"""Operators that move elements; sizes are known, and written as numbers."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.module.source import Source, literal
from modelport_sdk import UnsupportedFeature


def _reshape(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Write the sizes, but the first axis as it comes where it is kept."""
    text, before = src.tensor(node.input[0]), src.shapes.get(node.input[0]) or [None]
    after = src.shape(node.output[0])
    sizes = [str(size) for size in after]
    if after and before and before[0] == after[0] and node.input[0] in src.names:
        sizes[0] = f"{text}.shape[0]"
    src.set(node.output[0], f"{text}.reshape(({', '.join(sizes)}{',' if len(sizes) == 1 else ''}))")


def _transpose(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    rank = len(src.shape(node.input[0]))
    order = tuple(attrs.get("perm", range(rank - 1, -1, -1)))
    src.set(node.output[0], f"{src.tensor(node.input[0])}.permute({', '.join(map(str, order))})")


def _concat(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    parts = ", ".join(src.tensor(name) for name in node.input)
    src.set(node.output[0], f"T.cat([{parts}], dim={attrs['axis']})")


def _split(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    text, axis = src.tensor(node.input[0]), attrs.get("axis", 0)
    start = 0
    for output in node.output:
        length = src.shape(output)[axis]
        src.set(output, f"{text}.narrow({axis % len(src.shape(output))}, {start}, {length})")
        start += length


def _slice(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    shape = src.shape(node.input[0])
    given = [src.numbers(name) if name else None for name in node.input[1:]]
    starts, stops, axes, steps = (*given, None, None)[:4]
    axes = axes or list(range(len(starts or [])))
    steps = steps or [1] * len(axes)
    text, cuts = src.tensor(node.input[0]), [":"] * len(shape)
    for start, stop, axis, step in zip(starts or [], stops or [], axes, steps):
        size, place = shape[axis], axis % len(shape)
        if step < 0:
            text = _backward(text, place, (start, stop, step), size)
            continue
        low, high, _ = slice(start, stop, step).indices(size)
        cuts[place] = f"{low}:{high}" + (f":{step}" if step != 1 else "")
    while cuts and cuts[-1] == ":":
        cuts.pop()
    src.set(node.output[0], f"{text}[{', '.join(cuts)}]" if cuts else text)


def _backward(text: str, axis: int, bounds: tuple[int, int, int], size: int) -> str:
    """Return a whole axis in reverse.

    Raises:
        UnsupportedFeature: It is not the whole, or has steps.
    """
    start, stop, step = bounds
    if step != -1 or start not in {-1, size - 1} or stop > -size:
        raise UnsupportedFeature("Slice backwards over part of an axis is not written")
    return f"T.flip({text}, [{axis}])"


def _expand(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    sizes = tuple(src.shape(node.output[0]))
    src.set(node.output[0], f"{src.tensor(node.input[0])}.expand{sizes}")


def _tile(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    counts = tuple(src.numbers(node.input[1]))
    src.set(node.output[0], f"{src.tensor(node.input[0])}.repeat{counts}")


def _pad(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    mode = attrs.get("mode", b"constant")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    edges = src.numbers(node.input[1])
    if len(node.input) > 3 and node.input[3]:
        raise UnsupportedFeature("Pad of chosen axes is not written")
    half = len(edges) // 2
    pairs = list(zip(edges[:half], edges[half:]))
    while pairs and pairs[0] == (0, 0):
        pairs.pop(0)
    flat = tuple(n for pair in reversed(pairs) for n in pair)
    text = src.tensor(node.input[0])
    if mode == "constant":
        value = 0.0
        if len(node.input) > 2 and node.input[2]:
            value = src.value(node.input[2]).reshape(-1)[0].item()
        src.set(node.output[0], f"F.pad({text}, {flat}, value={literal(value)})" if flat else text)
        return
    words = {"reflect": "reflect", "edge": "replicate"}
    if mode not in words or len(flat) > 4 or half != 4:
        raise UnsupportedFeature(f"Pad of mode {mode} over {half} axes is not written")
    flat = (*flat, *([0] * (4 - len(flat))))
    src.set(node.output[0], f'F.pad({text}, {flat}, mode="{words[mode]}")')


def _rearranged(order: list[int], grown: bool) -> Any:
    """Return an entry for DepthToSpace or SpaceToDepth with blocks of ``blocksize``."""

    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        n, c, h, w = src.shape(node.input[0])
        size = attrs["blocksize"]
        text = src.tensor(node.input[0])
        turn = order
        if not grown:
            inner = (n, c, h // size, size, w // size, size)
        elif attrs.get("mode", b"DCR") in {b"CRD", "CRD"}:
            inner, turn = (n, c // size**2, size, size, h, w), [0, 1, 4, 2, 5, 3]
        else:
            inner = (n, size, size, c // size**2, h, w)
        moved = f"{text}.reshape({inner}).permute({', '.join(map(str, turn))})"
        src.set(node.output[0], f"{moved}.reshape({tuple(src.shape(node.output[0]))})")

    return emit


def _resize(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    mode, places, rounding = (
        value.decode() if isinstance(value := attrs.get(key, default), bytes) else value
        for key, default in (
            ("mode", "nearest"),
            ("coordinate_transformation_mode", "half_pixel"),
            ("nearest_mode", "round_prefer_floor"),
        )
    )
    sizes, rank = src.shape(node.output[0]), len(src.shape(node.input[0]))
    words = {3: "linear", 4: "bilinear", 5: "trilinear"}
    text = f"F.interpolate({src.tensor(node.input[0])}, size={tuple(sizes[2:])}, "
    half = {"half_pixel", "pytorch_half_pixel"}
    if mode == "nearest" and places == "asymmetric" and rounding == "floor":
        src.set(node.output[0], f'{text}mode="nearest")')
    elif mode == "linear" and rank in words and places in {*half, "align_corners"}:
        aligned = places == "align_corners"
        src.set(node.output[0], f'{text}mode="{words[rank]}", align_corners={aligned})')
    elif mode == "cubic" and rank == 4 and places in {*half, "align_corners"}:
        aligned = places == "align_corners"
        src.set(node.output[0], f'{text}mode="bicubic", align_corners={aligned})')
    else:
        raise UnsupportedFeature(f"Resize of mode {mode}, {places}, {rounding} is not written")


TABLE: dict[str, Any] = {
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "DepthToSpace": _rearranged([0, 3, 4, 1, 5, 2], grown=True),
    "SpaceToDepth": _rearranged([0, 3, 5, 1, 2, 4], grown=False),
    "Resize": _resize,
}
