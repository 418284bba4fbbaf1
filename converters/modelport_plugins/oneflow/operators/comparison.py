"""Comparisons and logic; OneFlow's truth values are bytes that any number may stand in for."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.operators.elementwise import operand
from modelport_plugins.oneflow.writer import Writer

COMPARED = {
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "equal": "Equal",
}
JOINED = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}


def _compared(kind: str, *, negated: bool = False) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        left, right = (*x, operand(w, op, x[0]))[:2] if len(x) == 1 else x
        made: str = w.add(kind, [left, right])
        return str(w.add("Not", [made])) if negated else made

    return emit


def _joined(kind: str) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        left, right = (*x, operand(w, op, x[0]))[:2] if len(x) == 1 else x
        made: str = w.add(kind, [w.cast(left, "bool"), w.cast(right, "bool")])
        return made

    return emit


def _not(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Not", [w.cast(x[0], "bool")])
    return made


def _where(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Where", [w.cast(x[0], "bool"), *x[1:]])
    w.kinds[made] = w.kinds[x[1]]
    return made


def _where_scalar(side: str) -> Any:
    """Return an entry for Where with a number in place of ``x``, ``y`` or both."""

    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        number = operand(w, op, x[1])
        chosen = [number, x[1]] if side == "x" else [x[1], number]
        return _where(w, op, [x[0], *chosen])

    return emit


def _masked_fill(w: Writer, op: Operation, x: list[str]) -> str:
    return _where(w, op, [x[1], operand(w, op, x[0]), x[0]])


def _reduced(kind: str) -> Any:
    """Return an entry for any and all: the largest or smallest of zeros and ones."""

    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        numbers = w.cast(w.cast(x[0], "bool"), "int32")
        keep = int(op.attributes["keepdims"])
        found = w.add(kind, [numbers], axes=op.attributes["axis"], keepdims=keep)
        return w.cast(found, "bool")

    return emit


TRUE = {
    **{f"broadcast_{word}": _compared(kind) for word, kind in COMPARED.items()},
    **{f"scalar_logical_{word}": _compared(kind) for word, kind in COMPARED.items()},
    **{f"broadcast_{word}": _joined(kind) for word, kind in JOINED.items()},
    **{f"scalar_{word}": _joined(kind) for word, kind in JOINED.items()},
    "broadcast_not_equal": _compared("Equal", negated=True),
    "scalar_logical_not_equal": _compared("Equal", negated=True),
    "logical_not": _not,
    "reduce_any": _reduced("ReduceMax"),
    "reduce_all": _reduced("ReduceMin"),
}
BOOLEAN = frozenset(TRUE)

TABLE = {
    **TRUE,
    "where": _where,
    "where_scalar_x": _where_scalar("x"),
    "where_scalar_y": _where_scalar("y"),
    "masked_fill": _masked_fill,
}
