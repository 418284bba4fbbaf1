"""Fixes and frees the dimensions of a model's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelport_onnx.graph import EXTERNAL_LIMIT, graph_inputs, subgraphs, weight_bytes
from modelport_onnx.signature import set_shape, shape


def fix(
    model: Any, shapes: Mapping[str, Sequence[int]], sizes: Mapping[str, int] | None = None
) -> dict[str, list[int]]:
    """Write ``shapes`` (by input) and ``sizes`` (by symbol) into ``model``; infer the rest.

    A size given for one input holds wherever its symbol stands; a fixed dimension of the
    file is never changed. Returns the inputs that changed, with their new shapes.
    """
    bound = dict(sizes or {})
    inputs = graph_inputs(model)
    for value in inputs:
        for size, wanted in zip(shape(value) or [], shapes.get(value.name, ())):
            if isinstance(size, str):
                bound.setdefault(size, int(wanted))
    changed: dict[str, list[int]] = {}
    for value in inputs:
        old = shape(value)
        wanted = list(shapes.get(value.name, ()))
        if old is None:
            new: list[Any] | None = [int(size) for size in wanted] if wanted else None
        else:
            given = wanted if len(wanted) == len(old) else [None] * len(old)
            new = [_size(size, want, bound) for size, want in zip(old, given)]
        if new is not None and new != old:
            set_shape(value, new)
            if all(isinstance(size, int) for size in new):
                changed[value.name] = new
    for value in model.graph.output:
        old = shape(value)
        if old:
            set_shape(value, [_size(size, None, bound) for size in old])
    infer(model)
    return changed


def _size(old: Any, wanted: Any, bound: Mapping[str, int]) -> Any:
    if isinstance(old, int):
        return old
    if wanted is not None:
        return int(wanted)
    return bound.get(old, old) if isinstance(old, str) else old


def infer(model: Any, *, values: bool = True) -> bool:
    """Infer the shapes of all inner tensors anew; return whether it could be done.

    Left out for models whose weights do not fit into one message, and where inference
    itself fails: shapes inside are an aid, not part of the meaning.
    """
    import onnx

    for graph in subgraphs(model.graph):
        del graph.value_info[:]
    if weight_bytes(model) >= EXTERNAL_LIMIT:
        return False
    try:
        done = onnx.shape_inference.infer_shapes(model, data_prop=values)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return False
    model.graph.value_info.extend(done.graph.value_info)
    for mine, theirs in zip(model.graph.output, done.graph.output):
        if mine.type.WhichOneof("value") != "tensor_type" or shape(mine) is None:
            mine.type.CopyFrom(theirs.type)
        elif shape(theirs) is not None and len(shape(theirs) or []) == len(shape(mine) or []):
            set_shape(mine, shape(theirs))
    return True


def known(model: Any) -> dict[str, list[Any]]:
    """Return the shapes of inputs, outputs, inner tensors and initialisers, as far as known."""
    graph = model.graph
    found: dict[str, list[Any]] = {}
    for value in [*graph.output, *graph.value_info, *graph.input]:
        sizes = shape(value)
        if sizes is not None:
            found[value.name] = sizes
    found.update((tensor.name, list(tensor.dims)) for tensor in graph.initializer)
    return found


def free(model: Any, axes: Mapping[str, Mapping[int, str]]) -> int:
    """Make axes of inputs and outputs symbolic: ``{"x": {0: "batch"}}``.

    A Reshape to a constant that repeats the size of axis 0 gets -1 in its place (or 0,
    "as in the input", if -1 is taken). Returns how many of them were changed. Whether
    the graph then works for other sizes is for the caller to try.
    """
    sizes = set()
    for value in [*graph_inputs(model), *model.graph.output]:
        dims = shape(value)
        chosen = axes.get(value.name, {})
        if dims is None or not chosen:
            continue
        if 0 in chosen and dims:
            sizes.add(dims[0])
        set_shape(value, [chosen.get(axis, size) for axis, size in enumerate(dims)])
    for graph in subgraphs(model.graph):
        del graph.value_info[:]
    return _free_reshapes(model, sizes)


def _free_reshapes(model: Any, sizes: set[Any]) -> int:
    from onnx import numpy_helper

    from modelport_onnx.graph import constants

    changed = 0
    for graph in subgraphs(model.graph):
        held = constants(graph)
        for node in graph.node:
            tensor = held.get(node.input[1]) if node.op_type == "Reshape" else None
            if tensor is None:
                continue
            target = numpy_helper.to_array(tensor).copy()
            if target.size > 1 and target[0] in sizes and target[0] > 0:
                target[0] = 0 if (target == -1).any() else -1
                fresh = numpy_helper.from_array(target, f"{node.output[0]}/free_shape")
                graph.initializer.append(fresh)
                node.input[1] = fresh.name
                changed += 1
    infer(model)
    return changed
