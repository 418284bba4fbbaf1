"""Fixes and frees the dimensions of a model's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelport_onnx.graph import EXTERNAL_LIMIT, graph_inputs, subgraphs, weight_bytes
from modelport_onnx.signature import set_shape, shape

# Which input of an operator is a list of sizes that holds the batch.
LISTS = {"Expand": 1, "Resize": 3}


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

    Constant sizes of Reshape, Expand and Resize that hold the size of axis 0 follow it. Returns
    how many were changed. Whether the graph then works for other sizes is for the caller to try.
    """
    sizes, leader = set(), ""
    for value in graph_inputs(model):
        if 0 in axes.get(value.name, {}) and shape(value):
            leader = leader or value.name
    for value in [*graph_inputs(model), *model.graph.output]:
        dims = shape(value)
        chosen = axes.get(value.name, {})
        if dims is None or not chosen:
            continue
        if 0 in chosen and dims and isinstance(dims[0], int):
            sizes.add(dims[0])
        set_shape(value, [chosen.get(axis, size) for axis, size in enumerate(dims)])
    changed = 0
    for graph in subgraphs(model.graph):
        del graph.value_info[:]
        changed += _free_reshapes(graph, sizes) + _free_lists(graph, sizes - {1}, leader)
    infer(model)
    return changed


def _free_reshapes(graph: Any, sizes: set[int]) -> int:
    """Put -1 where the first size is a multiple of the batch: windows of an image, for example.

    -1 comes to the same size where the batch has no part in it. Where -1 is taken, a first size
    that is the batch becomes 0, "as in the input".
    """
    from onnx import numpy_helper

    from modelport_onnx.graph import constants

    changed, held = 0, constants(graph)
    for node in graph.node:
        tensor = held.get(node.input[1]) if node.op_type == "Reshape" else None
        target = numpy_helper.to_array(tensor).copy() if tensor is not None else None
        if target is None or target.size < 2 or target[0] <= 0:
            continue
        taken = bool((target == -1).any())
        if (target[0] in sizes) if taken else any(target[0] % size == 0 for size in sizes if size):
            target[0] = 0 if taken else -1
            fresh = numpy_helper.from_array(target, f"{node.output[0]}/free_shape")
            graph.initializer.append(fresh)
            node.input[1] = fresh.name
            changed += 1
    return changed


def _free_lists(graph: Any, sizes: set[int], leader: str) -> int:
    """Read the first size at run time: of Resize from its input, of Expand from ``leader``.

    A class token is expanded to a copy a sample; nothing but the model's input tells how many.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    from modelport_onnx.graph import constants, set_nodes

    held, nodes, changed = constants(graph), [], 0
    for node in graph.node:
        place = LISTS.get(node.op_type, len(node.input))
        tensor = held.get(node.input[place]) if place < len(node.input) else None
        target = numpy_helper.to_array(tensor) if tensor is not None else np.zeros(0)
        whose = node.input[0] if node.op_type == "Resize" else leader
        if target.size and target[0] in sizes and whose:
            first, rest, shaped, size, joined = (
                f"{node.output[0]}/free_{part}" for part in ("0", "rest", "shape", "size", "all")
            )
            for name, array in ((first, np.zeros(1)), (rest, target[1:])):
                graph.initializer.append(numpy_helper.from_array(array.astype(np.int64), name))
            nodes += [
                helper.make_node("Shape", [whose], [shaped]),
                helper.make_node("Gather", [shaped, first], [size]),
                helper.make_node("Concat", [size, rest], [joined], axis=0),
            ]
            node.input[place] = joined
            changed += 1
        nodes.append(node)
    if changed:
        set_nodes(graph, nodes)
    return changed
