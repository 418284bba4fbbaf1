"""Writes new nodes and constants into a graph, and puts them in the place of old nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelport_onnx.graph import DEFAULT_DOMAINS, set_nodes


class Writer:
    """Collects new nodes and constants under names that begin with ``stem``."""

    def __init__(self, graph: Any, stem: str) -> None:
        self.graph = graph
        self.stem = stem
        self.nodes: list[Any] = []

    def add(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        from onnx import helper

        output = name or f"{self.stem}/{kind.lower()}{len(self.nodes)}"
        node = helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **attributes)
        self.nodes.append(node)
        return output

    def constant(self, values: Any, kind: str = "int64") -> str:
        """Add an initialiser and return its name."""
        import numpy as np
        from onnx import numpy_helper

        name = f"{self.stem}/constant{len(self.graph.initializer)}"
        array = np.ascontiguousarray(np.array(values, kind))
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def reshape(self, source: str, sizes: Any, name: str = "") -> str:
        """Append a Reshape."""
        return self.add("Reshape", [source, self.constant(list(sizes))], name)


def replaced(model: Any, kinds: set[str], write: Callable[[Any, Any], list[Any] | None]) -> int:
    """Put what ``write`` returns in the place of each node of ``kinds``; None keeps it.

    Returns how many were replaced; the bodies of If, Loop and Scan stay as they are.
    """
    return replaced_in(model.graph, kinds, write)


def replaced_in(graph: Any, kinds: set[str], write: Callable[[Any, Any], list[Any] | None]) -> int:
    """Do the same in ``graph``, a model's own or a body."""
    nodes: list[Any] = []
    count = 0
    for node in graph.node:
        fits = node.op_type in kinds and node.domain in DEFAULT_DOMAINS
        new = write(graph, node) if fits else None
        nodes += [node] if new is None else new
        count += new is not None
    if count:
        set_nodes(graph, nodes)
    return count
