"""If as a choice between both results, and integer inputs that are only ever compared."""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.masks import MOVERS

MOST = 64


def inline(model: Any) -> int:
    """Compute both branches of every If and choose with Where; return how many.

    The branches have no side effects, so this changes the time it takes and nothing else,
    unless the branch not taken overflows.
    """
    from modelport_onnx import graph

    count = 0
    while count < MOST:
        place = next((i for i, n in enumerate(model.graph.node) if n.op_type == "If"), None)
        if place is None:
            break
        nodes = [graph.copy(node) for node in model.graph.node]
        nodes[place : place + 1] = _both(model, nodes[place], f"branch{count}")
        graph.set_nodes(model.graph, nodes)
        count += 1
    return count


def _both(model: Any, node: Any, stem: str) -> list[Any]:
    from onnx import helper

    bodies = {a.name: a.g for a in node.attribute}
    nodes: list[Any] = []
    results = {}
    for key, body in bodies.items():
        inner, names = _prefixed(model, body, f"{stem}_{key}_")
        nodes += inner
        results[key] = [names.get(value.name, value.name) for value in body.output]
    for output, yes, no in zip(node.output, results["then_branch"], results["else_branch"]):
        nodes.append(helper.make_node("Where", [node.input[0], yes, no], [output]))
    return nodes


def _prefixed(model: Any, body: Any, prefix: str) -> tuple[list[Any], dict[str, str]]:
    """Return a body's nodes with names of their own; its weights move to the main graph."""
    from modelport_onnx import graph, rewrite

    own = {name for inner in body.node for name in inner.output if name}
    own |= {tensor.name for tensor in body.initializer}
    names = {name: prefix + name for name in own}
    for tensor in body.initializer:
        moved = graph.copy(tensor)
        moved.name = names[tensor.name]
        model.graph.initializer.append(moved)
    nodes = []
    for inner in body.node:
        twin = graph.copy(inner)
        rewrite.rename(twin, names)
        twin.output[:] = [names.get(name, name) for name in twin.output]
        twin.name = ""
        nodes.append(twin)
    return nodes, names


def float_inputs(model: Any) -> list[str]:
    """Declare integer inputs as float32 whose values end in casts to it; return their names.

    NCNN cannot cast. Integers up to 2**24 are the same number as float32.
    """
    from onnx import TensorProto

    from modelport_onnx import graph

    whole = (TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8)
    changed = []
    for value in graph.graph_inputs(model):
        if value.type.tensor_type.elem_type not in whole:
            continue
        casts = _casts_behind(model, value.name)
        if not casts:
            continue
        value.type.tensor_type.elem_type = TensorProto.FLOAT
        for node in casts:
            node.op_type = "Identity"
            del node.attribute[:]
        changed.append(value.name)
    return changed


def _casts_behind(model: Any, name: str) -> list[Any]:
    """Return the casts to float32 that all uses of ``name`` end in; none if one does not."""
    from onnx import TensorProto

    lane, casts = {name}, []
    for node in model.graph.node:
        if not lane & set(node.input):
            continue
        if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT:
            casts.append(node)
        elif node.op_type in MOVERS and node.input[0] in lane and not lane & set(node.input[1:]):
            lane.add(node.output[0])
        else:
            return []
    return casts
