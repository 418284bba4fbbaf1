"""Operators on sizes: integers where every operand is one, tensors otherwise."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.operators import elementwise, movement
from modelport_plugins.pytorch.source import Source, Value

INTEGERS = {"int", "ints"}
SYMBOLS = {"Add": "{} + {}", "Sub": "{} - {}", "Mul": "{} * {}", "Div": "size.truncated({}, {})",
           "Mod": "{} % {}", "Max": "max({}, {})", "Min": "min({}, {})"}  # fmt: skip
COMPARED = {"Equal": "==", "Greater": ">", "GreaterOrEqual": ">=", "Less": "<", "LessOrEqual": "<="}


def _shape(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    start, end = attrs.get("start", 0), attrs.get("end")
    whole = start == 0 and end is None
    part = "" if whole else f"[{start}:{'' if end is None else end}]"
    array = src.const(node.input[0])
    text = (
        str(list(array.shape)) if array is not None else f"list({src.tensor(node.input[0])}.size())"
    )
    src.set(node.output[0], f"{text}{part}", "ints")


def _size(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kind = src.kind(node.input[0])
    text = (
        f"len({src.ints(node.input[0])})"
        if kind == "ints"
        else f"{src.tensor(node.input[0])}.numel()"
    )
    src.set(node.output[0], text, "int")


def _kinds(src: Source, node: Any) -> list[str]:
    return [src.kind(name) for name in node.input if name]


def _arithmetic(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Compute on integers if every operand is one and the lists have one length."""
    kinds = _kinds(src, node)
    symbol = SYMBOLS.get(node.op_type)
    if symbol is None or len(kinds) != 2 or not set(kinds) <= INTEGERS or attrs.get("fmod"):
        elementwise.TABLE[node.op_type](src, node, attrs)
        return
    first, second = node.input
    if kinds == ["int", "int"]:
        src.set(node.output[0], symbol.format(src.int(first), src.int(second)), "int")
        return
    lengths = {
        _length(src, name) for name, kind in zip(node.input, kinds, strict=True) if kind == "ints"
    }
    if kinds == ["ints", "ints"] and lengths != {1}:
        elementwise.TABLE[node.op_type](src, node, attrs)
        return
    if lengths == {1}:
        text = symbol.format(src.int(first), src.int(second))
        src.set(node.output[0], f"[{text}]", "ints")
    elif kinds[0] == "ints":
        text = symbol.format("item", src.int(second))
        src.set(node.output[0], f"[{text} for item in {src.ints(first)}]", "ints")
    else:
        text = symbol.format(src.int(first), "item")
        src.set(node.output[0], f"[{text} for item in {src.ints(second)}]", "ints")


def _length(src: Source, name: str) -> int | None:
    """Return the length of a list where the source shows it."""
    array = src.const(name)
    if array is not None:
        return int(array.size)
    return src.lengths.get(name)


def _compare(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kinds = _kinds(src, node)
    short = all(
        kind == "int" or (kind == "ints" and _length(src, name) == 1)
        for kind, name in zip(kinds, node.input, strict=True)
    )
    # A list of one serves as well: what compares sizes is the condition of an If.
    if short:
        symbol = COMPARED[node.op_type]
        text = f"{src.int(node.input[0])} {symbol} {src.int(node.input[1])}"
        src.set(node.output[0], text, "bool")
        return
    elementwise.TABLE[node.op_type](src, node, attrs)


def _logic(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if set(_kinds(src, node)) != {"bool"}:
        elementwise.TABLE[node.op_type](src, node, attrs)
        return
    operands = [src.bool(name) for name in node.input]
    texts = {"Not": "not {}", "And": "{} and {}", "Or": "{} or {}", "Xor": "{} != {}"}
    src.set(node.output[0], texts[node.op_type].format(*operands), "bool")


def _cast(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Keep integers as they are under a cast to another integer type."""
    kind = src.kind(node.input[0])
    if attrs["to"] in {6, 7} and kind in INTEGERS:  # INT32, INT64
        text = src.int(node.input[0]) if kind == "int" else src.ints(node.input[0])
        src.set(node.output[0], text, kind)
    elif attrs["to"] in {6, 7} and kind == "bool":
        src.set(node.output[0], f"int({src.bool(node.input[0])})", "int")
    elif attrs["to"] == 9 and kind in {"bool", "int"}:  # BOOL
        src.set(node.output[0], src.bool(node.input[0]), "bool")
    else:
        elementwise.TABLE["Cast"](src, node, attrs)


def _gather(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kinds = _kinds(src, node)
    places = src.const(node.input[1])
    if kinds[0] != "ints" or places is None or places.ndim > 1:
        movement.TABLE["Gather"](src, node, attrs)
        return
    x = src.ints(node.input[0])
    if places.ndim == 0:
        src.set(node.output[0], f"{x}[{int(places)}]", "int")
    else:
        src.set(node.output[0], f"size.chosen({x}, {places.tolist()})", "ints")
        src.lengths[node.output[0]] = int(places.size)


def _concat(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if set(_kinds(src, node)) != {"ints"}:
        movement.TABLE["Concat"](src, node, attrs)
        return
    src.set(node.output[0], " + ".join(src.ints(name) for name in node.input), "ints")
    lengths = [_length(src, name) for name in node.input]
    if None not in lengths:
        src.lengths[node.output[0]] = sum(lengths)  # type: ignore[arg-type]  # no None in it


def _unsqueeze(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if src.kind(node.input[0]) != "int" or src.const(node.input[0]) is not None:
        movement.TABLE["Unsqueeze"](src, node, attrs)
        return
    src.set(node.output[0], f"[{src.int(node.input[0])}]", "ints")
    src.lengths[node.output[0]] = 1


def _squeeze(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if src.kind(node.input[0]) != "ints":
        movement.TABLE["Squeeze"](src, node, attrs)
        return
    src.set(node.output[0], src.int(node.input[0]), "int")


def _reshape(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Keep integers as integers where they become a scalar or a vector."""
    shape = src.const(node.input[1])
    kind = src.kind(node.input[0])
    computed = src.const(node.input[0]) is None
    if computed and kind in INTEGERS and shape is not None and shape.size == 0:
        src.set(node.output[0], src.int(node.input[0]), "int")
    elif computed and kind in INTEGERS and shape is not None and shape.tolist() in ([-1], [1]):
        src.set(node.output[0], src.ints(node.input[0]), "ints")
        length = 1 if shape.tolist() == [1] or kind == "int" else _length(src, node.input[0])
        if length is not None:
            src.lengths[node.output[0]] = length
    else:
        movement.TABLE["Reshape"](src, node, attrs)


def _slice(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    bounds = [src.const(name) if name else None for name in node.input[1:]]
    known = len(bounds) >= 2 and all(
        array is not None and array.size == 1
        for array, name in zip(bounds, node.input[1:], strict=True)
        if name
    )
    if src.kind(node.input[0]) != "ints" or src.const(node.input[0]) is not None or not known:
        movement.TABLE["Slice"](src, node, attrs)
        return
    start, end = int(bounds[0].reshape(-1)[0]), int(bounds[1].reshape(-1)[0])
    step = int(bounds[3].reshape(-1)[0]) if len(bounds) > 3 and bounds[3] is not None else 1
    x = src.ints(node.input[0])
    src.set(node.output[0], f"size.stepped({x}, {start}, {end}, {step})", "ints")
    whole = _length(src, node.input[0])
    if whole is not None:
        src.lengths[node.output[0]] = len(range(whole)[start:end:step])
    elif 0 <= start < end and step == 1 and end < 16:
        src.lengths[node.output[0]] = end - start


def _product(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    from modelport_plugins.pytorch.operators import reduction

    if src.kind(node.input[0]) != "ints":
        reduction.TABLE["ReduceProd"](src, node, attrs)
        return
    text = f"size.product({src.ints(node.input[0])})"
    keep = attrs.get("keepdims", 1)
    src.set(node.output[0], f"[{text}]" if keep else text, "ints" if keep else "int")


def _negative(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if src.kind(node.input[0]) != "int":
        elementwise.TABLE["Neg"](src, node, attrs)
        return
    src.set(node.output[0], f"-{src.int(node.input[0])}", "int")


def _constant(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    import numpy as np
    import onnx

    (name, value), *_ = attrs.items()
    kinds = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32,
             "value_floats": np.float32}  # fmt: skip
    array = np.array(value, kinds[name]) if name in kinds else onnx.numpy_helper.to_array(value)
    src.values[node.output[0]] = Value("const", array=array)


TABLE = {
    "Shape": _shape,
    "Size": _size,
    **dict.fromkeys(SYMBOLS, _arithmetic),
    **dict.fromkeys(COMPARED, _compare),
    **dict.fromkeys(("Not", "And", "Or", "Xor"), _logic),
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Slice": _slice,
    "ReduceProd": _product,
    "Neg": _negative,
    "Constant": _constant,
}
