"""Comparisons, choices and branches as arithmetic, since NCNN has none of them.

A truth value becomes a float32 of 0 or 1. A difference times 3e38 is at least 1 unless it
is denormal, so clipping it to 0..1 gives the comparison exactly. ``Where(m, a, b)`` becomes
``m * a + (1 - m) * b``, exact as long as both are finite.
"""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.scope import Rule, Scope, attributes
from modelport_plugins.ncnn.writer import Writer

# They keep values and move elements, whatever these stand for.
MOVERS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Expand", "Identity")
STEEP = 3e38  # close to the largest float32


def compared(scope: Scope, node: Any) -> list[Any] | None:
    """Equal, Greater, Less and their kin."""
    from onnx import TensorProto

    kinds = [scope.types.get(name, TensorProto.UNDEFINED) for name in node.input]
    masks = [name in scope.masks for name in node.input]
    wide = (TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8)
    if not all(mask or kind in wide for mask, kind in zip(masks, kinds)):
        return None
    writer = Writer(scope)
    left, right = (_as_float(writer, name, kind) for name, kind in zip(node.input, kinds))
    whole = all(mask or kind != TensorProto.FLOAT for mask, kind in zip(masks, kinds))
    steep = 1.0 if whole else STEEP
    output = node.output[0]
    if node.op_type == "Equal":
        distance = writer.add("Abs", writer.add("Sub", left, right))
        if not whole:
            distance = writer.add("Mul", distance, writer.number(steep))
        writer.opposite(writer.clipped(distance), output)
    else:
        swapped = node.op_type in ("Less", "GreaterOrEqual")
        high, low = (right, left) if swapped else (left, right)
        distance = writer.add("Sub", high, low)
        if not whole:
            distance = writer.add("Mul", distance, writer.number(steep))
        if node.op_type.endswith("OrEqual"):
            writer.opposite(writer.clipped(distance), output)
        else:
            writer.clipped(distance, output)
    scope.masks.add(output)
    return writer.nodes


def combined(scope: Scope, node: Any) -> list[Any] | None:
    """Not, And and Or of masks."""
    if not all(name in scope.masks for name in node.input):
        return None
    writer = Writer(scope)
    output = node.output[0]
    if node.op_type == "Not":
        writer.opposite(node.input[0], output)
    else:
        writer.add("Mul" if node.op_type == "And" else "Max", *node.input, name=output)
    scope.masks.add(output)
    return writer.nodes


def cast(scope: Scope, node: Any) -> list[Any] | None:
    """Casts that change nothing, a mask's to float32 or bool among them."""
    from onnx import TensorProto

    if node.output[0] in scope.outputs:
        return None
    to = attributes(node)["to"]
    if to == TensorProto.FLOAT == scope.types.get(node.input[0]):
        scope.alias[node.output[0]] = node.input[0]
        return []
    if node.input[0] not in scope.masks:
        return None
    if to not in (TensorProto.FLOAT, TensorProto.BOOL):
        return None
    if to == TensorProto.BOOL:
        scope.masks.add(node.output[0])
    scope.alias[node.output[0]] = node.input[0]
    return []


def moved(scope: Scope, node: Any) -> list[Any] | None:
    """A mask whose elements move is a mask still."""
    if node.input[0] in scope.masks:
        scope.masks.add(node.output[0])
    return None


def chosen(scope: Scope, node: Any) -> list[Any] | None:
    """Where; a quotient that is not chosen where its divisor is 0 gets another divisor there."""
    import numpy as np
    from onnx import TensorProto

    mask, yes, no = node.input
    if mask not in scope.masks or scope.types.get(node.output[0]) != TensorProto.FLOAT:
        return None
    for side in (yes, no):
        held = scope.value(side)
        if held is not None and not np.isfinite(held).all():
            return None
    writer = Writer(scope)
    no = _guarded(writer, mask, no)
    kept = writer.add("Mul", mask, yes)
    other = writer.add("Mul", writer.opposite(mask), no)
    writer.add("Add", kept, other, name=node.output[0])
    return writer.nodes


def _guarded(writer: Writer, mask: str, name: str) -> str:
    """Return ``name``, or ``n / (d + mask)`` where it is ``n / d`` and the mask is ``d == 0``."""
    scope = writer.scope
    quotient, test = scope.makers.get(name), scope.makers.get(mask)
    if quotient is None or test is None or (quotient.op_type, test.op_type) != ("Div", "Equal"):
        return name
    divisor = quotient.input[1]
    zeros = [scope.value(other) for other in test.input if other != divisor]
    if divisor not in test.input or not zeros or zeros[0] is None or zeros[0].any():
        return name
    return writer.add("Div", quotient.input[0], writer.add("Add", divisor, mask))


def _as_float(writer: Writer, name: str, kind: int) -> str:
    from onnx import TensorProto

    if name in writer.scope.masks or kind == TensorProto.FLOAT:
        return name
    held = writer.scope.value(name)
    if held is not None:
        return writer.scope.constant(held)
    return writer.add("Cast", name, to=TensorProto.FLOAT)


COMPARISONS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
RULES: dict[str, Rule] = {
    **dict.fromkeys(COMPARISONS, compared),
    **dict.fromkeys(("Not", "And", "Or"), combined),
    **dict.fromkeys(MOVERS, moved),
    "Cast": cast,
    "Where": chosen,
}
