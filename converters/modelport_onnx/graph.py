"""ONNX files and graphs: reading, writing, walking, sorting.

Runs in every environment that has onnx, so the syntax stays that of Python 3.7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# A protobuf message ends at 2 GiB; weights leave the file well before that, since
# tools keep a second copy with names and attributes added.
EXTERNAL_LIMIT = 1_500_000_000
DEFAULT_DOMAINS = ("", "ai.onnx")


def load(path: Path, *, weights: bool = True) -> Any:
    """Return the ``ModelProto`` in ``path``; external data is read only with ``weights``."""
    import onnx

    return onnx.load(str(path), load_external_data=weights)


def save(model: Any, path: Path) -> None:
    """Write ``model``; above 1.5 GB the weights go to ``<path>.data`` beside it.

    In that case ``model`` itself refers to that file from then on.
    A model that was loaded without its weights keeps its references; the files that
    they name must then be put beside ``path`` by the caller.
    """
    import onnx

    if weight_bytes(model) < EXTERNAL_LIMIT:
        onnx.save(model, str(path))
        return
    data = path.name + ".data"
    stale = path.parent / data
    if stale.exists():  # onnx appends to a file that is there
        stale.unlink()
    onnx.save(
        model,
        str(path),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=data,
        size_threshold=1024,
    )


def weight_bytes(model: Any) -> int:
    """Return the bytes of all tensors held in the message itself.

    ``ByteSize`` is no help: it fails on just the models that are too large.
    """
    return sum(tensor_bytes(tensor) for tensor in tensors(model))


def tensor_bytes(tensor: Any) -> int:
    """Return about how many bytes one ``TensorProto`` takes."""
    if tensor.raw_data:
        return len(tensor.raw_data)
    typed = len(tensor.float_data) + len(tensor.int32_data)
    wide = len(tensor.int64_data) + len(tensor.double_data) + len(tensor.uint64_data)
    return 4 * typed + 8 * wide + sum(map(len, tensor.string_data))


def subgraphs(graph: Any) -> Iterator[Any]:
    """Yield ``graph`` and every graph inside its nodes, outermost first."""
    yield graph
    for node in graph.node:
        for inner in bodies(node):
            yield from subgraphs(inner)


def bodies(node: Any) -> Iterator[Any]:
    """Yield the graphs that ``node`` holds itself (If, Loop, Scan)."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def nodes(model: Any) -> Iterator[Any]:
    """Yield every node: the graph's, those of graphs inside, those of local functions."""
    for graph in subgraphs(model.graph):
        yield from graph.node
    for function in model.functions:
        for node in function.node:
            yield node
            for inner in bodies(node):
                for graph in subgraphs(inner):
                    yield from graph.node


def tensors(model: Any) -> Iterator[Any]:
    """Yield every ``TensorProto``: initialisers, attributes, sparse ones' parts, at any depth."""
    for graph in subgraphs(model.graph):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes(model):
        yield from _attached(node.attribute)
    for function in model.functions:
        yield from _attached(function.attribute_proto)


def _attached(attributes: Any) -> Iterator[Any]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        for sparse in attribute.sparse_tensors:
            yield from (sparse.values, sparse.indices)


def operator_name(node: Any) -> str:
    """Return ``"Conv"``, or ``"com.microsoft::FusedConv"`` outside of the ONNX set itself."""
    return node.op_type if node.domain in DEFAULT_DOMAINS else f"{node.domain}::{node.op_type}"


def operator_counts(model: Any) -> dict[str, int]:
    """Return how often each operator occurs, at any depth, most frequent first."""
    counts: dict[str, int] = {}
    for node in nodes(model):
        name = operator_name(node)
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def graph_inputs(model: Any) -> list[Any]:
    """Return the ``ValueInfoProto`` of inputs that a caller must give: no initialisers.

    Files of IR version 3 and earlier list every weight among the inputs.
    """
    held = {tensor.name for tensor in model.graph.initializer}
    held |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    return [value for value in model.graph.input if value.name not in held]


def opset(model: Any, domain: str = "") -> int:
    """Return the imported version of ``domain``; 0 if it is not imported."""
    same = DEFAULT_DOMAINS if domain in DEFAULT_DOMAINS else (domain,)
    return max((entry.version for entry in model.opset_import if entry.domain in same), default=0)


def initializers(graph: Any) -> dict[str, Any]:
    """Return the initialisers of this one graph by name."""
    return {tensor.name: tensor for tensor in graph.initializer}


def constants(graph: Any) -> dict[str, Any]:
    """Return name to ``TensorProto`` for initialisers and Constant nodes of this one graph."""
    found = initializers(graph)
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in DEFAULT_DOMAINS:
            tensor = constant_tensor(node)
            if tensor is not None:
                found[node.output[0]] = tensor
    return found


def constant_tensor(node: Any) -> Any:
    """Return the value of a Constant node as ``TensorProto``; None for sparse ones.

    Only ``value`` gives the node's own tensor (editable in place); the scalar and list
    attributes of opset 12 give a copy.
    """
    import numpy as np
    from onnx import numpy_helper

    for attribute in node.attribute:
        if attribute.name == "value":
            return attribute.t
        table: dict[str, Callable[[], Any]] = {
            "value_float": lambda a=attribute: np.float32(a.f),
            "value_floats": lambda a=attribute: np.array(a.floats, np.float32),
            "value_int": lambda a=attribute: np.int64(a.i),
            "value_ints": lambda a=attribute: np.array(a.ints, np.int64),
        }
        if attribute.name in table:
            array = np.asarray(table[attribute.name]())
            return numpy_helper.from_array(array, node.output[0])
    return None


def outer_names(node: Any) -> set[str]:
    """Return the names that ``node`` reads: its inputs, and what its bodies capture."""
    names = {name for name in node.input if name}
    for body in bodies(node):
        inside = {value.name for value in body.input} | set(initializers(body))
        for inner in body.node:
            inside.update(inner.output)
        for inner in body.node:
            names |= outer_names(inner) - inside
        names |= {value.name for value in body.output} - inside
    return names


def sort(graph: Any) -> bool:
    """Put the nodes of ``graph`` and of graphs inside in topological order.

    Returns whether anything moved. Nodes in a cycle stay behind, in their order.
    """
    moved = [sort(body) for node in graph.node for body in bodies(node)]
    produced = {name for node in graph.node for name in node.output if name}
    waiting = [(node, outer_names(node) & produced) for node in graph.node]
    done: set[str] = set()
    order: list[Any] = []
    while waiting:
        ready = []
        later = []
        for node, needs in waiting:
            if needs <= done:
                ready.append(node)
                done.update(node.output)
            else:
                later.append((node, needs))
        if not ready:
            ready, later = [node for node, _ in later], []
        order += ready
        waiting = later
    changed = any(a is not b for a, b in zip(order, graph.node))
    if changed:
        set_nodes(graph, order)
    return changed or any(moved)


def copy(message: Any) -> Any:
    """Return a copy of a protobuf message that belongs to no other message."""
    twin = type(message)()
    twin.CopyFrom(message)
    return twin


def set_nodes(graph: Any, nodes: list[Any]) -> None:
    """Make ``nodes`` (which may be nodes of ``graph`` itself) the nodes of ``graph``."""
    copies = [copy(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
