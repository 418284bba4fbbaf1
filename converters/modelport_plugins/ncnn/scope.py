"""One pass over a graph, node by node, with what the rules need to know about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

# A rule returns the nodes that take a node's place, or None to leave it as it is.
Rule = Callable[["Scope", Any], "list[Any] | None"]


class Scope:
    """What is known while the nodes of a graph are gone through in order.

    Attributes:
        version: Of the ONNX operator set.
        shapes: Sizes by tensor, as far as they are known.
        makers: The node that made a tensor, as it was before its rule.
        masks: Tensors that were boolean and are float32 zeros and ones now.
        alias: Tensors that went, and what stands for them.
    """

    def __init__(self, model: Any) -> None:
        from modelport_onnx import graph, shape

        self.graph = model.graph
        self.version = graph.opset(model)
        self.shapes: dict[str, list[Any]] = shape.known(model)
        self.constants: dict[str, Any] = graph.constants(model.graph)
        self.makers = {name: node for node in model.graph.node for name in node.output}
        self.outputs = {value.name for value in model.graph.output}
        self.types = _types(model.graph)
        self.masks: set[str] = set()
        self.alias: dict[str, str] = {}
        self.made = 0

    def name(self, stem: str) -> str:
        """Return a name that no tensor has."""
        self.made += 1
        return f"{stem}_modelport{self.made}"

    def constant(self, value: Any, dtype: str = "float32") -> str:
        """Add an initialiser and return its name."""
        import numpy as np
        from onnx import numpy_helper

        name = self.name("constant")
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def value(self, name: str) -> Any:
        """Return the array of a constant; None if it is none."""
        from onnx import numpy_helper

        tensor = self.constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def static(self, name: str) -> list[int] | None:
        """Return the sizes of a tensor where all are known."""
        sizes = self.shapes.get(name)
        known = sizes is not None and all(isinstance(size, int) for size in sizes)
        return sizes if known else None


def attributes(node: Any) -> dict[str, Any]:
    """Return a node's attributes as Python values."""
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def apply(model: Any, rules: Mapping[str, Rule]) -> dict[str, int]:
    """Apply ``rules`` (by operator) to the main graph; return how often each changed a node."""
    from modelport_onnx import graph, rewrite

    scope = Scope(model)
    nodes: list[Any] = []
    counts: dict[str, int] = {}
    for original in model.graph.node:
        node = graph.copy(original)
        rewrite.rename(node, scope.alias)
        rule = rules.get(node.op_type) if node.domain in graph.DEFAULT_DOMAINS else None
        new = rule(scope, node) if rule else None
        if new is not None:
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
        nodes += [node] if new is None else new
    graph.set_nodes(model.graph, nodes)
    rewrite.drop_unused(model)
    return counts


def _types(graph: Any) -> dict[str, int]:
    values: Sequence[Any] = [*graph.value_info, *graph.input, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types.update((tensor.name, tensor.data_type) for tensor in graph.initializer)
    return types
