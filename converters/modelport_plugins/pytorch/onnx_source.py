"""Reads the ONNX side of an edge: the graph cleaned up, and example inputs for tracing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_sdk import Context, CorruptModel, DynamicShapeRequired, mapped


def load_model(source: Path, *, simplify: bool = True) -> Any:
    """Return the model with local functions inlined and constants folded.

    Raises:
        CorruptModel: It is no readable ONNX file.
    """
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx.fold import fold
    from modelport_onnx.graph import load, sort
    from modelport_onnx.rewrite import drop_initializer_inputs

    with mapped({DecodeError: CorruptModel, ValueError: CorruptModel, OSError: CorruptModel}):
        model = load(source)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    drop_initializer_inputs(model)
    sort(model.graph)
    if simplify:
        fold(model)
    return model


def example(model: Any, ctx: Context) -> dict[str, Any]:
    """Return a tensor by input name, of the shapes in ``ctx.shapes`` where the graph is open.

    Raises:
        DynamicShapeRequired: A size is open and was not given.
    """
    import torch

    from modelport_onnx.graph import graph_inputs
    from modelport_onnx.hints import hints

    bounds = hints(model)
    generator = torch.Generator().manual_seed(0)
    feeds = {}
    for value in graph_inputs(model):
        shape = ctx.shapes.get(value.name) or _declared(value)
        kind = getattr(torch, _torch_name(value.type.tensor_type.elem_type))
        if kind.is_floating_point:
            feeds[value.name] = torch.rand(shape, generator=generator).to(kind)
        else:
            known = bounds.get(value.name, {})
            number = (known.get("values") or [known.get("minimum", 0)])[-1]
            feeds[value.name] = torch.full(shape, int(number)).to(kind)
    return feeds


def _torch_name(elem_type: int) -> str:
    from modelport_plugins.pytorch.source import dtype

    return dtype(elem_type).removeprefix("torch.")


def _declared(value: Any) -> tuple[int, ...]:
    kind = value.type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim]
    if not kind.HasField("shape") or any(size <= 0 for size in sizes):
        raise DynamicShapeRequired(
            f"the shape of input {value.name} is open", hint=f"Give a shape for {value.name}."
        )
    return tuple(sizes)


def free_axes(model: Any) -> Mapping[str, dict[int, str]]:
    """Return the open axes by input: ``{"x": {0: "N"}}``."""
    from modelport_onnx.graph import graph_inputs

    found = {}
    for value in graph_inputs(model):
        axes = enumerate(value.type.tensor_type.shape.dim)
        found[value.name] = {
            i: d.dim_param or f"{value.name}_{i}"
            for i, d in axes
            if not d.HasField("dim_value") or d.dim_value <= 0  # some exporters write -1
        }
    return found
