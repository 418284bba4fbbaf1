"""Computes what does not depend on the inputs, and takes branches whose condition is known.

Tools that do the same crash on some valid graphs (onnxsim and ONNX Runtime on an If that
becomes constant), so this does the little that matters: shape arithmetic and branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelport_onnx.graph import (
    DEFAULT_DOMAINS,
    bodies,
    copy,
    initializers,
    opset,
    set_nodes,
    subgraphs,
)
from modelport_onnx.rewrite import (
    constants_to_initializers,
    drop_unused,
    remove_no_ops,
    rename,
)
from modelport_onnx.shape import infer, known

# Exact, or rounded once: what folding them gives is what the runtime would compute.
FOLDABLE = {
    "Abs", "Add", "And", "Cast", "Ceil", "Concat", "ConstantOfShape", "CumSum", "Div", "Equal",
    "Expand", "Floor", "Gather", "GatherElements", "GatherND", "Greater", "GreaterOrEqual",
    "Identity", "Less", "LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg", "NonZero", "Not", "Or",
    "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "Reshape",
    "Round", "ScatterND", "Shape", "Sign", "Size", "Slice", "Split", "Sqrt", "Squeeze", "Sub",
    "Tile", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor",
}  # fmt: skip
# Of these, float16 is folded too: they move values and round none. For the others a
# runtime rounds once where the reference rounds after each operation.
MOVING = {
    "Cast", "Concat", "ConstantOfShape", "Expand", "Gather", "Identity", "Reshape", "Slice",
    "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
LARGEST = 256 * 2**20  # bytes of one folded tensor
ROUNDS = 40  # each takes the branches that the last one made known


def fold(model: Any) -> dict[str, int]:
    """Fold until nothing changes; return how many ``nodes`` and ``branches`` went."""
    counts = {"nodes": 0, "branches": 0}
    constants_to_initializers(model)
    for _ in range(ROUNDS):
        infer(model)
        nodes = fold_constants(model)
        branches = take_branches(model)
        counts["nodes"] += nodes
        counts["branches"] += branches
        if not nodes and not branches:
            break
        constants_to_initializers(model)
        remove_no_ops(model)
        drop_unused(model)
    return counts


def fold_constants(model: Any) -> int:
    """Replace nodes of the main graph whose inputs are constant by initialisers."""
    graph = model.graph
    held = initializers(graph)
    shapes = known(model)
    outputs = {value.name for value in graph.output}
    kept = []
    for node in graph.node:
        results = None
        if node.op_type in FOLDABLE and node.domain in DEFAULT_DOMAINS:
            results = _computed(node, held, shapes, opset(model))
        if results is None or outputs & set(node.output):
            kept.append(node)
            continue
        for tensor in results:
            graph.initializer.append(tensor)
            held[tensor.name] = tensor
    folded = len(graph.node) - len(kept)
    if folded:
        set_nodes(graph, kept)
    return folded


def _computed(node: Any, held: Any, shapes: Any, version: int) -> list[Any] | None:
    """Return the node's outputs as tensors; None if they depend on the inputs."""
    import numpy as np
    from onnx import numpy_helper

    if node.op_type in {"Shape", "Size"}:
        sizes = shapes.get(node.input[0])
        if sizes is None or any(not isinstance(size, int) for size in sizes):
            return None
        cut = {a.name: a.i for a in node.attribute}
        value = np.array(sizes[cut.get("start", 0) : cut.get("end", len(sizes))], np.int64)
        if node.op_type == "Size":
            value = np.array(np.prod(value), np.int64)
        return [numpy_helper.from_array(value, node.output[0])]
    if not all(name in held for name in node.input if name):
        return None
    return _evaluated(node, held, version)


def _evaluated(node: Any, held: Any, version: int) -> list[Any] | None:
    import numpy as np
    from onnx import helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    feeds = {name: numpy_helper.to_array(held[name]) for name in node.input if name}
    if node.op_type not in MOVING and any(_short(array) for array in feeds.values()):
        return None
    outputs = [name for name in node.output if name]
    if node.op_type == "ConstantOfShape" and 4 * np.prod(feeds[node.input[0]]) > LARGEST:
        return None
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_empty_tensor_value_info(name) for name in feeds],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
    )
    try:
        one = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
        results = ReferenceEvaluator(one).run(None, feeds)
    except Exception:  # noqa: BLE001  # whatever the reference trips over, the node then stays
        return None
    arrays = [np.asarray(result) for result in results]
    if any(array.nbytes > LARGEST or array.dtype.hasobject for array in arrays):
        return None
    return [numpy_helper.from_array(array, name) for array, name in zip(arrays, outputs)]


def _short(array: Any) -> bool:
    """Return whether an array holds floats of fewer than 32 bits (bfloat16 is of kind V)."""
    return array.dtype.kind in "fV" and array.dtype.itemsize < 4


def take_branches(model: Any) -> int:
    """Put the body of each If whose condition is a constant in the place of the If."""
    from onnx import numpy_helper

    graph = model.graph
    held = initializers(graph)
    nodes: list[Any] = []
    taken = 0
    for node in graph.node:
        if node.op_type != "If" or node.input[0] not in held:
            nodes.append(node)
            continue
        which = "then_branch" if numpy_helper.to_array(held[node.input[0]]).any() else "else_branch"
        body = next(a.g for a in node.attribute if a.name == which)
        nodes += inlined(graph, node.output, body, f"{node.name or node.output[0]}/taken{taken}/")
        taken += 1
    if taken:
        set_nodes(graph, nodes)
    return taken


def inlined(graph: Any, outputs: Sequence[str], body: Any, prefix: str) -> list[Any]:
    """Return the nodes of ``body`` under fresh names, ending in ``outputs``.

    Its initialisers go to ``graph``.
    """
    from onnx import helper

    names = {name: prefix + name for inner in body.node for name in inner.output if name}
    names.update((name, prefix + name) for name in initializers(body))
    for tensor in body.initializer:
        fresh = copy(tensor)
        fresh.name = names[tensor.name]
        graph.initializer.append(fresh)
    nodes = []
    for inner in body.node:
        fresh = copy(inner)
        rename(fresh, names)
        fresh.output[:] = [names.get(name, name) for name in inner.output]
        if fresh.name:
            fresh.name = prefix + fresh.name
        nodes.append(fresh)
    for target, value in zip(outputs, body.output):
        source = names.get(value.name, value.name)
        nodes.append(helper.make_node("Identity", [source], [target], name=f"{target}/taken"))
    return nodes


def has_branches(model: Any) -> bool:
    """Return whether any If, Loop or Scan is left."""
    return any(True for graph in subgraphs(model.graph) for n in graph.node for _ in bodies(n))
