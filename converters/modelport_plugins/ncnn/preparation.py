"""ONNX files as pnnx reads them: weights inside, no weights among the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelport_plugins.ncnn.delivery import Port
from modelport_plugins.ncnn.tool import DTYPES, STEM
from modelport_sdk import (
    Context,
    CorruptModel,
    DynamicShapeRequired,
    UnsupportedFeature,
    mapped,
)

# One protobuf message, which pnnx reads, ends at 2 GiB.
MOST_BYTES = 2_000_000_000


def load(source: Path) -> Any:
    """Return the model with its weights.

    Raises:
        CorruptModel: It cannot be read.
        UnsupportedFeature: Its weights are too large for pnnx.
    """
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph

    errors = {DecodeError: CorruptModel, onnx.checker.ValidationError: CorruptModel}
    with mapped({**errors, OSError: CorruptModel}):
        model = graph.load(source)
    size = graph.weight_bytes(model)
    if size > MOST_BYTES:
        raise UnsupportedFeature(
            f"pnnx reads models below 2 GB only; this one has {size / 1e9:.1f} GB of weights",
            hint="Store the weights as float16 first, or choose another target.",
        )
    return model


def clean(model: Any, ctx: Context) -> None:
    """Take weights out of the inputs and write old Softmax out, both of which pnnx misreads."""
    from modelport_onnx import rewrite, softmax

    rewrite.drop_initializer_inputs(model)
    changed = softmax.softmax_before_13(model)
    if changed:
        ctx.note(f"{changed} Softmax of opset < 13 written out, which pnnx takes for another.")


def stored(model: Any, ctx: Context, folder: str) -> Path:
    """Write ``model`` into a folder of its own in ``scratch``, since pnnx writes beside it."""
    import onnx

    place = ctx.scratch / folder
    place.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(place / f"{STEM}.onnx"))
    return place / f"{STEM}.onnx"


def input_ports(model: Any, ctx: Context) -> list[Port]:
    """Return the inputs; ``shape`` is set for all, open sizes taken from ``ctx.shapes``.

    Raises:
        DynamicShapeRequired: A size is open and not given.
        UnsupportedFeature: An input or output is no tensor.
    """
    from modelport_onnx import graph, signature

    ports = []
    if port := signature.non_tensor(model):
        raise UnsupportedFeature(
            f"{port}, and ncnn has tensors only",
            hint="Replace it by tensors before the export, or choose another target.",
        )
    for value in graph.graph_inputs(model):
        sizes = [
            size.dim_value if size.HasField("dim_value") else None
            for size in value.type.tensor_type.shape.dim
        ]
        given = ctx.shapes.get(value.name)
        if given is None and (None in sizes or not value.type.tensor_type.HasField("shape")):
            raise DynamicShapeRequired(
                f"the shape of input {value.name} is open",
                hint=f"Give it, e.g. --shape {value.name}=1,3,224,224.",
            )
        shape = tuple(given) if given is not None else tuple(int(size or 0) for size in sizes)
        ports.append(Port(value.name, dtype_name(value), shape))
    return ports


def output_ports(model: Any) -> list[Port]:
    """Return the outputs with their types, and with shapes where these are known."""
    from modelport_onnx import signature

    ports = []
    for value in model.graph.output:
        sizes = signature.shape(value)
        known = sizes is not None and all(isinstance(size, int) for size in sizes)
        ports.append(Port(value.name, dtype_name(value), tuple(sizes) if known else None))
    return ports


def dtype_name(value: Any) -> str:
    """Return NumPy's name of a ``ValueInfoProto``'s type; float32 where it is not told."""
    import numpy as np
    from onnx import helper

    kind = value.type.tensor_type.elem_type
    return np.dtype(helper.tensor_dtype_to_np_dtype(kind)).name if kind else "float32"


def as_arguments(ports: Sequence[Port]) -> list[tuple[tuple[int, ...], str]]:
    """Return shapes and types as ``tool.pnnx`` takes them.

    Raises:
        UnsupportedFeature: An input has no axes, or a type that pnnx does not know: it
            would count the one out, and take the other for float32.
    """
    for port in ports:
        if not port.shape:
            raise UnsupportedFeature(
                f"input {port.name} has no axes, and ncnn has no such tensor",
                hint="Export it with the shape [1], or make it a constant.",
            )
        if port.dtype not in DTYPES:
            raise UnsupportedFeature(
                f"input {port.name} is {port.dtype}, which pnnx does not take",
                hint="Convert the input to float32 or int64 before the export.",
            )
    return [(port.shape or (), port.dtype) for port in ports]
