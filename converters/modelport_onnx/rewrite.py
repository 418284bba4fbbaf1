"""Rewrites that change how a graph is written, never what it computes.

Each takes a ``ModelProto``, edits it in place and returns how often it did. Names and
order of inputs and outputs stay, but for initialisers listed among the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelport_onnx.graph import (
    DEFAULT_DOMAINS,
    bodies,
    constant_tensor,
    constants,
    copy,
    graph_inputs,
    initializers,
    opset,
    outer_names,
    set_nodes,
    subgraphs,
)
from modelport_onnx.shape import known

CONTROL_FLOW = {"If", "Loop", "Scan", "SequenceMap"}


def drop_initializer_inputs(model: Any) -> int:
    """Take initialisers out of the inputs, where IR versions below 4 listed them."""
    needed = graph_inputs(model)
    extra = len(model.graph.input) - len(needed)
    if extra:
        kept = [copy(value) for value in needed]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.ir_version = max(model.ir_version, 4)
    return extra


def clamp_ir(model: Any, newest: int) -> int:
    """Lower the IR version to ``newest``; its number only says what a file may use."""
    if model.ir_version <= newest:
        return 0
    model.ir_version = newest
    return 1


def explicit_axis(model: Any) -> int:
    """Write the axis of Softmax, LogSoftmax and Hardmax where the file relies on a default.

    The default was 1 before operator set 13 and is -1 since; MNN takes -1 for both.
    """
    from onnx import helper

    default = 1 if opset(model) < 13 else -1
    count = 0
    for graph in subgraphs(model.graph):
        for node in graph.node:
            if node.op_type in {"Softmax", "LogSoftmax", "Hardmax"} and not any(
                attribute.name == "axis" for attribute in node.attribute
            ):
                node.attribute.append(helper.make_attribute("axis", default))
                count += 1
    return count


def explicit_mode(model: Any) -> int:
    """Write the mode of Pad where the file relies on the default, which pnnx does not know."""
    from onnx import helper

    count = 0
    for graph in subgraphs(model.graph):
        for node in graph.node:
            if node.op_type == "Pad" and not any(a.name == "mode" for a in node.attribute):
                node.attribute.append(helper.make_attribute("mode", "constant"))
                count += 1
    return count


def scalar_conditions(model: Any) -> int:
    """Reshape every condition of an If that is not known to be of rank 0.

    The specification allows one element of any rank; OpenVINO takes rank 0 and 1 only.
    """
    from onnx import helper

    ranks = {name: len(sizes) for name, sizes in known(model).items()}
    count = 0
    for graph in subgraphs(model.graph):
        ranks.update((name, len(tensor.dims)) for name, tensor in constants(graph).items())
        nodes = []
        for node in graph.node:
            if node.op_type == "If" and ranks.get(node.input[0]) != 0:
                stem = f"{node.output[0]}/condition"
                graph.initializer.append(_vector(f"{stem}_shape", []))
                nodes.append(
                    helper.make_node("Reshape", [node.input[0], f"{stem}_shape"], [stem], name=stem)
                )
                node.input[0] = stem
                count += 1
            nodes.append(node)
        if len(nodes) != len(graph.node):
            set_nodes(graph, nodes)
    return count


def constants_to_initializers(model: Any) -> int:
    """Turn Constant nodes into initialisers, in each graph for itself."""
    count = 0
    for graph in subgraphs(model.graph):
        outputs = {value.name for value in graph.output}
        kept = []
        for node in graph.node:
            plain = node.op_type == "Constant" and node.domain in DEFAULT_DOMAINS
            tensor = constant_tensor(node) if plain else None
            if tensor is None or node.output[0] in outputs:
                kept.append(node)
                continue
            fresh = copy(tensor)
            fresh.name = node.output[0]
            graph.initializer.append(fresh)
            count += 1
        if len(kept) != len(graph.node):
            set_nodes(graph, kept)
    return count


def remove_no_ops(model: Any) -> int:
    """Take out nodes that pass their input on: Identity, Dropout at inference, empty Pad, ..."""
    count = 0
    for graph in subgraphs(model.graph):
        held = constants(graph)
        outputs = {value.name for value in graph.output}
        kept = []
        for node in graph.node:
            if _is_no_op(node, held, opset(model)) and _bypass(graph, node, kept, outputs):
                count += 1
            else:
                kept.append(node)
        if len(kept) != len(graph.node):
            set_nodes(graph, kept)
    return count


def _is_no_op(node: Any, held: Mapping[str, Any], version: int) -> bool:
    kind = node.op_type
    if node.domain not in DEFAULT_DOMAINS:
        return False
    if kind == "Dropout":  # a mask output, or a training flag, makes it more than that
        return version >= 7 and len([o for o in node.output if o]) == 1 and len(node.input) < 3
    if kind in {"Concat", "Sum", "Max", "Min", "Mean"}:
        return len(node.input) == 1
    if kind == "Transpose":
        order = [list(a.ints) for a in node.attribute if a.name == "perm"]
        return bool(order) and order[0] == sorted(order[0])
    return kind == "Identity" or (kind == "Pad" and _pads_nothing(node, held))


def _pads_nothing(node: Any, held: Mapping[str, Any]) -> bool:
    from onnx import numpy_helper

    pads = [list(a.ints) for a in node.attribute if a.name == "pads"]
    if not pads and len(node.input) > 1 and node.input[1] in held:
        pads = [list(numpy_helper.to_array(held[node.input[1]]))]
    return bool(pads) and not any(pads[0])


def _bypass(graph: Any, node: Any, before: list[Any], outputs: set[str]) -> bool:
    """Connect the readers of ``node`` to its input; False where names do not allow it."""
    source, target = node.input[0], node.output[0]
    if target not in outputs:
        for reader in graph.node:
            rename(reader, {target: source})
        return True
    maker = next((n for n in before if source in n.output), None)
    if maker is None or source in outputs:
        return False
    maker.output[:] = [target if name == source else name for name in maker.output]
    for reader in graph.node:
        if reader is not node:
            rename(reader, {source: target})
    return True


def rename(node: Any, names: Mapping[str, str]) -> None:
    """Replace names that ``node`` reads, in the graphs inside it as well."""
    node.input[:] = [names.get(name, name) for name in node.input]
    for body in bodies(node):
        inside = {value.name for value in body.input} | set(initializers(body))
        for inner in body.node:
            inside.update(inner.output)
        seen = {old: new for old, new in names.items() if old not in inside}
        for inner in body.node:
            rename(inner, seen)


def drop_unused(model: Any) -> int:
    """Take out nodes and initialisers that no output depends on."""
    graph = model.graph
    live = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if live & set(node.output):
            live |= outer_names(node)
            kept.append(node)
    count = len(graph.node) - len(kept)
    if count:
        set_nodes(graph, kept[::-1])
    used = [tensor for tensor in graph.initializer if tensor.name in live]
    dropped = len(graph.initializer) - len(used)
    if dropped:
        copies = [copy(tensor) for tensor in used]
        del graph.initializer[:]
        graph.initializer.extend(copies)
    return count + dropped


def bind_input(model: Any, name: str, value: Any) -> None:
    """Make the input ``name`` a constant with ``value`` (an array of its type and shape)."""
    from onnx import numpy_helper

    kept = [copy(v) for v in model.graph.input if v.name != name]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.append(numpy_helper.from_array(value, name))


def raise_opset(model: Any, version: int) -> Any:
    """Return a copy of ``model`` in operator set ``version`` (up or down).

    Raises:
        ValueError: It has graphs inside nodes or local functions: the version converter
            would leave those as they are, and so change what they mean.
        RuntimeError: An operator has no counterpart there.
    """
    import onnx

    if model.functions or any(node.op_type in CONTROL_FLOW for node in model.graph.node):
        raise ValueError("operators inside of branches, loops and functions cannot be moved")
    try:
        done = onnx.version_converter.convert_version(model, version)
    except onnx.version_converter.ConvertError as exc:  # has no base but Exception
        raise RuntimeError(str(exc)) from exc
    del done.metadata_props[:]
    done.metadata_props.extend(model.metadata_props)
    lowest = onnx.helper.find_min_ir_version_for(list(done.opset_import), ignore_unknown=True)
    done.ir_version = max(model.ir_version, lowest, 4)
    return done


def _vector(name: str, values: list[int]) -> Any:
    import numpy as np
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values, np.int64), name)
