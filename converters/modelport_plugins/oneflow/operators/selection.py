"""Operators that pick and place elements by index."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.writer import DATA_TYPES, Writer


def _gather(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("Gather", x, axis=op.attributes.get("axis", 0))
    return made


def _gather_elements(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add("GatherElements", x, axis=op.attributes["dim"])
    return made


def _gather_nd(w: Writer, op: Operation, x: list[str]) -> str:
    """Pick by several indices at once; with one index it is Gather, which every target has."""
    *sizes, depth = op.operand_types[1].shape
    kind, places = ("Gather", w.reshape(x[1], sizes)) if depth == 1 else ("GatherND", x[1])
    made: str = w.add(kind, [x[0], places])
    return made


def _scatter(mode: str, *, scalar: bool = False) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        import numpy as np

        values = x[2] if not scalar else ""
        if scalar:
            shape, number = op.operand_types[1].shape, op.attributes["src_scalar"]
            values = w.array(np.full(shape, number), w.kinds[x[0]])
        axis = op.attributes["dim"]
        made: str = w.add("ScatterElements", [x[0], x[1], values], axis=axis, reduction=mode)
        return made

    return emit


def _best(kind: str) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        made: str = w.add(kind, x, axis=-1, keepdims=0)
        w.kinds[made] = "int64"
        return made

    return emit


def _top(w: Writer, op: Operation, x: list[str]) -> str:
    count = w.sizes([op.attributes["k"]])
    _, places = w.add("TopK", [x[0], count], 2, axis=-1)
    w.kinds[places] = "int64"
    return str(places)


def _sorted_places(w: Writer, op: Operation, x: list[str]) -> str:
    count = w.sizes([op.operand_types[0].shape[-1]])
    downward = int(op.attributes["direction"] == "DESCENDING")
    _, places = w.add("TopK", [x[0], count], 2, axis=-1, largest=downward)
    w.kinds[places] = "int64"
    return w.cast(places, "int32")


def _one_hot(w: Writer, op: Operation, x: list[str]) -> str:
    given = op.attributes
    kind = DATA_TYPES[given["dtype"]]
    word = "floating" if kind.startswith("float") else "integer"
    values = w.array([given[f"{word}_off_value"], given[f"{word}_on_value"]], kind)
    made: str = w.add("OneHot", [x[0], w.array(given["depth"], "int64"), values], axis=-1)
    w.kinds[made] = kind
    return made


def _triangle(upper: int) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        shift = w.array(op.attributes["diagonal"], "int64")
        made: str = w.add("Trilu", [x[0], shift], upper=upper)
        return made

    return emit


def _diagonal(w: Writer, op: Operation, x: list[str]) -> str:
    """Pick the diagonal of the first two axes; it becomes the last axis."""
    import numpy as np

    shape, shift = op.operand_types[0].shape, op.attributes["offset"]
    count = op.result_types[0].shape[-1]
    rows = np.arange(count) + max(-shift, 0)
    places = rows * shape[1] + np.arange(count) + max(shift, 0)
    flat = w.reshape(x[0], [shape[0] * shape[1], *shape[2:]])
    picked = w.add("Gather", [flat, w.sizes(places.tolist())], axis=0)
    return w.transpose(picked, [*range(1, len(shape) - 1), 0])


def _unfolded(w: Writer, op: Operation, x: list[str]) -> str:
    """Take windows of one axis; the places in the window become the last axis."""
    import numpy as np

    given = op.attributes
    axis, rank = given["dimension"], len(op.operand_types[0].shape)
    count = op.result_types[0].shape[axis]
    places = np.arange(count)[:, None] * given["step"] + np.arange(given["size"])
    picked = w.add("Gather", [x[0], w.array(places, "int64")], axis=axis)
    order = [a for a in range(rank + 1) if a != axis + 1] + [axis + 1]
    return w.transpose(picked, order)


TABLE: dict[str, Any] = {
    "gather": _gather,
    "dim_gather": _gather_elements,
    "gather_nd": _gather_nd,
    "dim_scatter_update": _scatter("none"),
    "dim_scatter_update_scalar": _scatter("none", scalar=True),
    "dim_scatter_add": _scatter("add"),
    "dim_scatter_add_scalar": _scatter("add", scalar=True),
    "argmax": _best("ArgMax"),
    "argmin": _best("ArgMin"),
    "top_k": _top,
    "arg_sort": _sorted_places,
    "one_hot": _one_hot,
    "tril": _triangle(0),
    "triu": _triangle(1),
    "diagonal": _diagonal,
    "unfold_tensor": _unfolded,
}
