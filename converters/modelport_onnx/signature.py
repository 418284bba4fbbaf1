"""Types and shapes of graph inputs and outputs, in the words of a description."""

from __future__ import annotations

from typing import Any

# NumPy's names where ONNX's own, in lower case, differ.
NUMPY_NAMES = {"float": "float32", "double": "float64"}
ANONYMOUS = {"", "?", "*", "-1", "None", "unknown"}


def dtype_name(elem_type: int) -> str:
    """Return ``"float32"``, ``"bfloat16"``, ``"string"``, ... for a ``TensorProto.DataType``."""
    from onnx import TensorProto

    if elem_type not in TensorProto.DataType.values():
        return "undefined"
    name = str(TensorProto.DataType.Name(elem_type)).lower()
    return NUMPY_NAMES.get(name, name)


def type_name(kind: Any) -> str:
    """Return the name of a ``TypeProto``: a dtype, ``sequence(float32)``, ``map(int64, ...)``."""
    which = kind.WhichOneof("value")
    if which == "tensor_type":
        return dtype_name(kind.tensor_type.elem_type)
    if which == "sparse_tensor_type":
        return f"sparse({dtype_name(kind.sparse_tensor_type.elem_type)})"
    if which == "sequence_type":
        return f"sequence({type_name(kind.sequence_type.elem_type)})"
    if which == "optional_type":
        return f"optional({type_name(kind.optional_type.elem_type)})"
    if which == "map_type":
        key = dtype_name(kind.map_type.key_type)
        return f"map({key}, {type_name(kind.map_type.value_type)})"
    return "undefined"


def non_tensor(model: Any) -> str:
    """Return e.g. ``"output y is a sequence(float32)"`` for the first such port; "" if none.

    Sequences, optionals and maps have no counterpart outside of ONNX.
    """
    from modelport_onnx import graph

    ports = [("input", value) for value in graph.graph_inputs(model)]
    ports += [("output", value) for value in model.graph.output]
    for kind, value in ports:
        if value.type.WhichOneof("value") not in ("tensor_type", None):
            name = type_name(value.type)
            article = "an" if name[0] in "aeiou" else "a"
            return f"{kind} {value.name} is {article} {name}"
    return ""


def shape(value: Any) -> list[Any] | None:
    """Return an int, a symbol or None for each axis of a ``ValueInfoProto``; None: no rank.

    Negative sizes and names such as ``?``, which some exporters write for every free
    axis, count as unknown: two axes that are called ``?`` need not be equal.
    """
    tensor = value.type.tensor_type
    if value.type.WhichOneof("value") != "tensor_type" or not tensor.HasField("shape"):
        return None
    sizes: list[Any] = []
    for dim in tensor.shape.dim:
        if dim.HasField("dim_value"):
            sizes.append(dim.dim_value if dim.dim_value >= 0 else None)
        else:
            sizes.append(None if dim.dim_param in ANONYMOUS else dim.dim_param)
    return sizes


def set_shape(value: Any, sizes: Any) -> None:
    """Write ``sizes`` (int, symbol or None an axis) as the shape of a ``ValueInfoProto``."""
    axes = value.type.tensor_type.shape
    del axes.dim[:]
    axes.SetInParent()
    for size in sizes:
        dim = axes.dim.add()
        if isinstance(size, str):
            dim.dim_param = size
        elif size is not None:
            dim.dim_value = int(size)


def port(value: Any) -> dict[str, Any]:
    """Return name, dtype and shape of a ``ValueInfoProto`` as the description has them."""
    return {"name": value.name, "dtype": type_name(value.type), "shape": shape(value)}
