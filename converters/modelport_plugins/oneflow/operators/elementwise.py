"""Arithmetic, element by element."""

from __future__ import annotations

import math
from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.writer import Writer


def plain(kind: str) -> Any:
    """Return an entry for an operator that ONNX has under the name ``kind``."""

    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        made: str = w.add(kind, x)
        return made

    return emit


def operand(w: Writer, op: Operation, like: str) -> str:
    """Return the number that a ``scalar_`` operator carries, in the type of ``like``."""
    given = op.attributes
    if given.get("has_bool_operand"):
        return w.array(bool(given["bool_operand"]))
    whole = not given.get("has_float_operand")
    value = given["int_operand"] if whole else given["float_operand"]
    return w.like(value, like)


def _scalar(kind: str, *, reverse: bool = False) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        number = operand(w, op, x[0])
        made: str = w.add(kind, [number, x[0]] if reverse else [x[0], number])
        return made

    return emit


def _sum(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Add", x) if len(x) == 2 else w.add("Sum", x)
    return made


def _floor_div(w: Writer, op: Operation, x: list[str]) -> str:
    """Divide and round down, for integers too: ONNX truncates those."""
    left = x[0]
    right = x[1] if len(x) > 1 else operand(w, op, left)
    if w.kinds[left].startswith("float"):
        made: str = w.add("Floor", [w.add("Div", [left, right])])
        return made
    rest = w.add("Mod", [left, right])
    quotient: str = w.add("Div", [w.add("Sub", [left, rest]), right])
    return quotient


def _floor_mod(w: Writer, op: Operation, x: list[str]) -> str:
    """Return the remainder with the sign of the divisor, as Python's % does."""
    left = x[0]
    right = x[1] if len(x) > 1 else operand(w, op, left)
    if not w.kinds[left].startswith("float"):
        whole: str = w.add("Mod", [left, right])
        return whole
    times = w.add("Mul", [w.add("Floor", [w.add("Div", [left, right])]), right])
    made: str = w.add("Sub", [left, times])
    return made


def _fmod(w: Writer, op: Operation, x: list[str]) -> str:
    right = x[1] if len(x) > 1 else operand(w, op, x[0])
    made: str = w.add("Mod", [x[0], right], fmod=1)
    return made


def _square(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Mul", [x[0], x[0]])
    return made


def _squared_difference(w: Writer, op: Operation, x: list[str]) -> str:
    return _square(w, op, [w.add("Sub", x)])


def _rsqrt(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Reciprocal", [w.add("Sqrt", x)])
    return made


def _logarithm(base: float) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        made: str = w.add("Mul", [w.add("Log", x), w.like(1 / math.log(base), x[0])])
        return made

    return emit


def _log1p(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Log", [w.add("Add", [x[0], w.like(1, x[0])])])
    return made


def _expm1(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Sub", [w.add("Exp", x), w.like(1, x[0])])
    return made


def _erfc(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Sub", [w.like(1, x[0]), w.add("Erf", x)])
    return made


def _atan2(w: Writer, op: Operation, x: list[str]) -> str:
    """Return the angle of (x, y): atan(y / x), turned by half a circle where x < 0."""
    y, run = x
    zero, pi = w.like(0, y), w.like(math.pi, y)
    plain = w.add("Atan", [w.add("Div", [y, run])])
    sign = w.add("Where", [w.add("Less", [y, zero]), w.like(-math.pi, y), pi])
    made: str = w.add("Add", [plain, w.add("Where", [w.add("Less", [run, zero]), sign, zero])])
    return made


def _clip(w: Writer, op: Operation, x: list[str]) -> str:
    """Limit by ``floating_`` or ``integral_`` bounds, after the type of the input."""
    word = "floating" if w.kinds[x[0]].startswith("float") else "integral"
    low, high = (
        w.like(op.attributes[f"{word}_{end}"], x[0]) if f"{word}_{end}" in op.attributes else ""
        for end in ("min", "max")
    )
    made: str = w.add("Clip", [x[0], low, high] if high else [x[0], low])
    return made


def _cast(w: Writer, op: Operation, x: list[str]) -> str:
    from modelport_plugins.oneflow.writer import DATA_TYPES

    return w.cast(x[0], DATA_TYPES[op.attributes["dtype"]])


PLAIN = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh",
    "atan": "Atan", "atanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf",
    "exp": "Exp", "floor": "Floor", "log": "Log", "negative": "Neg", "reciprocal": "Reciprocal",
    "round": "Round", "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt", "tan": "Tan",
    "broadcast_add": "Add", "broadcast_sub": "Sub", "broadcast_mul": "Mul", "broadcast_div": "Div",
    "broadcast_pow": "Pow", "pow": "Pow", "broadcast_maximum": "Max", "broadcast_minimum": "Min",
    "elementwise_maximum": "Max", "elementwise_minimum": "Min", "multiply": "Mul",
    "scalar_add_by_tensor": "Add", "scalar_sub_by_tensor": "Sub", "scalar_mul_by_tensor": "Mul",
    "scalar_div_by_tensor": "Div",
}  # fmt: skip

TABLE = {
    **{name: plain(kind) for name, kind in PLAIN.items()},
    "add_n": _sum,
    "add_n2": _sum,
    "scalar_add": _scalar("Add"),
    "scalar_sub": _scalar("Sub"),
    "scalar_mul": _scalar("Mul"),
    "scalar_div": _scalar("Div"),
    "scalar_pow": _scalar("Pow"),
    "scalar_reverse_pow": _scalar("Pow", reverse=True),
    "scalar_floordiv": _floor_div,
    "floordiv": _floor_div,
    "broadcast_floordiv": _floor_div,
    "broadcast_floor_mod": _floor_mod,
    "scalar_fmod": _fmod,
    "broadcast_fmod": _fmod,
    "square": _square,
    "squared_difference": _squared_difference,
    "rsqrt": _rsqrt,
    "log2": _logarithm(2),
    "log10": _logarithm(10),
    "log1p": _log1p,
    "expm1": _expm1,
    "erfc": _erfc,
    "atan2": _atan2,
    "clip_by_scalar": _clip,
    "clip_by_scalar_min": _clip,
    "clip_by_scalar_max": _clip,
    "cast": _cast,
}
