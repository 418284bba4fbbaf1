"""Collects the nodes that take the place of one."""

from __future__ import annotations

from typing import Any

from modelport_plugins.ncnn.scope import Scope


class Writer:
    """New nodes in order; each method adds one and returns the name of what it makes."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.nodes: list[Any] = []

    def add(self, kind: str, *inputs: str, name: str = "", **given: Any) -> str:
        """Add any node; ``given`` are its attributes."""
        from onnx import helper

        output = name or self.scope.name(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **given))
        return output

    def number(self, value: float) -> str:
        """Return a constant without axes."""
        return self.scope.constant(value)

    def clipped(self, value: str, name: str = "") -> str:
        """Limit to 0..1."""
        return self.add("Clip", value, self.number(0.0), self.number(1.0), name=name)

    def opposite(self, mask: str, name: str = "") -> str:
        """Subtract from 1."""
        return self.add("Sub", self.number(1.0), mask, name=name)

    def shaped(self, value: str, sizes: list[int], name: str = "") -> str:
        """Reshape to ``sizes``."""
        return self.add("Reshape", value, self.scope.constant(sizes, "int64"), name=name)

    def sliced(self, value: str, axis: int, index: int) -> str:
        """Take one index of an axis, which stays with size 1."""
        bounds = (self.scope.constant([n], "int64") for n in (index, index + 1, axis))
        return self.add("Slice", value, *bounds)
