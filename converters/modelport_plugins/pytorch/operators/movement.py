"""Operators that move elements about without computing."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.operators.elementwise import number
from modelport_plugins.pytorch.source import Source, dtype


def _reshape(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    if "shape" in attrs:  # opset 1
        src.set(node.output[0], f"array.reshape({x}, {attrs['shape']}, False)")
        return
    shape = src.const(node.input[1])
    if shape is not None and 0 not in shape:
        src.set(node.output[0], f"torch.reshape({x}, {shape.tolist()})")
        return
    sizes = src.ints(node.input[1])
    src.set(node.output[0], f"array.reshape({x}, {sizes}, {bool(attrs.get('allowzero'))})")


def _flatten(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, axis = src.tensor(node.input[0]), attrs.get("axis", 1)
    src.set(node.output[0], f"array.flatten({x}, {axis})")


def axes(src: Source, node: Any, attrs: dict[str, Any], place: int = 1) -> str | None:
    """Return the axes of a node as source text: an attribute once, an input since opset 13."""
    if "axes" in attrs:
        return str(list(attrs["axes"]))
    if len(node.input) > place and node.input[place]:
        return src.ints(node.input[place])
    return None


def _squeeze(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, places = src.tensor(node.input[0]), axes(src, node, attrs)
    text = f"torch.squeeze({x})" if places is None else f"array.squeeze({x}, {places})"
    src.set(node.output[0], text)


def _unsqueeze(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    src.set(node.output[0], f"array.unsqueeze({x}, {axes(src, node, attrs)})")


def _transpose(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    order = attrs.get("perm")
    text = f"array.reverse({x})" if order is None else f"torch.permute({x}, {list(order)})"
    src.set(node.output[0], text)


def _concat(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    operands = ", ".join(src.tensor(name) for name in node.input)
    src.set(node.output[0], f"torch.cat([{operands}], {attrs.get('axis', 1)})")


def _split(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, axis = src.tensor(node.input[0]), attrs.get("axis", 0)
    count = len(node.output)
    if "split" in attrs:
        sizes = str(list(attrs["split"]))
    elif len(node.input) > 1 and node.input[1]:
        sizes = src.ints(node.input[1])
    else:
        sizes = f"-(-{x}.size({axis}) // {count})"
    parts = src.fresh()
    src.line(f"{parts} = torch.split({x}, {sizes}, {axis})")
    for place, name in enumerate(node.output):
        if name:
            src.set(name, f"{parts}[{place}]")


def _slice(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    if "starts" in attrs:  # before opset 10
        lists = [list(attrs["starts"]), list(attrs["ends"]), list(attrs.get("axes", []))]
        lists[2] = lists[2] or list(range(len(lists[0])))
        lists.append([1] * len(lists[0]))
    else:
        given = [src.const(name) if name else () for name in node.input[1:]]
        if any(array is None for array in given):
            texts = [src.ints(name) if name else "[]" for name in node.input[1:]]
            texts += ["[]"] * (4 - len(texts))
            texts = [f"torch.jit.annotate(list[int], {t})" if t == "[]" else t for t in texts]
            src.set(node.output[0], f"array.slice_all({x}, {', '.join(texts)})")
            return
        lists = [[int(item) for item in array] for array in given]
        lists += [[]] * (4 - len(lists))
        lists[2] = lists[2] or list(range(len(lists[0])))
        lists[3] = lists[3] or [1] * len(lists[0])
    for start, end, axis, step in zip(*lists, strict=True):
        if step > 0:
            x = f"torch.ops.aten.slice({x}, {axis}, {start}, {end}, {step})"
        else:
            x = f"array.slice_axis({x}, {axis}, {start}, {max(end, -(2**62))}, {step})"
    src.set(node.output[0], x)


def _expand(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.set(node.output[0], f"array.expand({src.tensor(node.input[0])}, {src.ints(node.input[1])})")


def _tile(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.set(node.output[0], f"{src.tensor(node.input[0])}.repeat({src.ints(node.input[1])})")


def _pad(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, mode = src.tensor(node.input[0]), attrs.get("mode", "constant")
    pads = str(list(attrs["pads"])) if "pads" in attrs else src.ints(node.input[1])
    places = src.ints(node.input[3]) if len(node.input) > 3 and node.input[3] else ""
    places = places or "torch.jit.annotate(list[int], [])"
    if mode != "constant":
        src.set(node.output[0], f'array.pad_indexed({x}, {pads}, {places}, "{mode}")')
        return
    given = node.input[2] if len(node.input) > 2 else ""
    constant = src.const(given) if given else attrs.get("value", 0.0)
    value = f"float({src.tensor(given)}.item())" if constant is None else ""
    value = value or number(float(constant.reshape(-1)[0] if given else constant))
    src.set(node.output[0], f"array.pad_constant({x}, {pads}, {places}, {value})")


def _constant_of_shape(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    import onnx

    kind, value = "torch.float32", "0.0"
    if "value" in attrs:
        kind = dtype(attrs["value"].data_type)
        value = number(onnx.numpy_helper.to_array(attrs["value"]).reshape(-1)[0])
    src.set(node.output[0], f"torch.full({src.ints(node.input[0])}, {value}, dtype={kind})")


def _range(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if all(src.kind(name) == "int" for name in node.input):
        bounds = ", ".join(src.int(name) for name in node.input)
        src.set(node.output[0], f"torch.arange({bounds}, dtype=torch.int64)")
        return
    start, limit, step = (src.tensor(name) for name in node.input)
    bounds = ", ".join(f"{text}.item()" for text in (start, limit, step))
    src.set(node.output[0], f"torch.arange({bounds}).to({start}.dtype)")


def _depth_to_space(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    block, mode = attrs["blocksize"], attrs.get("mode", "DCR")
    x = src.tensor(node.input[0])
    src.set(node.output[0], f"array.depth_to_space({x}, {block}, {mode == 'CRD'})")


def _space_to_depth(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    src.set(node.output[0], f"array.space_to_depth({x}, {attrs['blocksize']})")


def _gather(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, axis = src.tensor(node.input[0]), attrs.get("axis", 0)
    places = src.const(node.input[1])
    if places is not None and places.ndim == 0:
        src.set(node.output[0], f"torch.select({x}, {axis}, {int(places)})")
    elif src.kind(node.input[1]) == "int":
        src.set(node.output[0], f"torch.select({x}, {axis}, {src.int(node.input[1])})")
    else:
        src.set(node.output[0], f"index.gather({x}, {src.tensor(node.input[1])}, {axis})")


TABLE = {
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
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Gather": _gather,
}
