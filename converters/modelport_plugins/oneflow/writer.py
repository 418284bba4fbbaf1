"""Collects the ONNX nodes that an nn.Graph becomes, with names after OneFlow's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modelport_plugins.oneflow.mlir import Operation, Type

OPSET = 17
IR_VERSION = 8
# MLIR's words for elements; OneFlow's bool is printed as si8 and told apart by ``Writer.kinds``.
ELEMENTS = {
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "si8": "int8",
    "i8": "int8",
    "ui8": "uint8",
    "si32": "int32",
    "i32": "int32",
    "si64": "int64",
    "i64": "int64",
    "i1": "bool",
}
# Source: oneflow/core/common/data_type.proto, enum DataType.
DATA_TYPES = {
    2: "float32",
    3: "float64",
    4: "int8",
    5: "int32",
    6: "int64",
    7: "uint8",
    9: "float16",
    12: "bool",
}


class Writer:
    """A graph in the making.

    Attributes:
        nodes: ONNX nodes in order.
        arrays: Initialisers by name.
        values: ONNX name of each MLIR value.
        kinds: NumPy type of each ONNX name.
        shapes: Sizes of each MLIR value's ONNX name.
        uses: How often each MLIR value is read.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.nodes: list[Any] = []
        self.arrays: dict[str, Any] = {}
        self.values: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.makers: dict[str, Any] = {}
        self.uses: dict[str, int] = {}
        self.stem = "value"
        self._names: dict[str, int] = {}
        for operation in operations:
            for value in operation.operands:
                self.uses[value] = self.uses.get(value, 0) + 1

    def name(self, wanted: str) -> str:
        """Return ``wanted`` in letters that every tool takes, numbered if it was there before."""
        plain = re.sub(r"[^\w.]", "_", wanted).strip("_") or "value"
        count = self._names.get(plain, 0)
        self._names[plain] = count + 1
        return self.name(f"{plain}_{count}") if count else plain

    def add(self, kind: str, inputs: Sequence[str], count: int = 1, **given: Any) -> Any:
        """Add a node and return the name of its output; a tuple of names for ``count`` > 1."""
        from onnx import helper

        stem = self.stem if kind != "Constant" else "constant"
        outputs = [self.name(stem) for _ in range(count)]
        node = helper.make_node(kind, list(inputs), outputs, name=outputs[0], **given)
        self.nodes.append(node)
        for output in outputs:
            self.makers[output] = node
            if inputs and inputs[0] in self.kinds:
                self.kinds[output] = self.kinds[inputs[0]]
        return tuple(outputs) if count > 1 else outputs[0]

    def array(self, values: Any, kind: str = "", name: str = "constant") -> str:
        """Return the name of a new initialiser."""
        import numpy as np

        array = np.asarray(values, dtype=kind or None)
        named = self.name(name)
        self.arrays[named] = array
        self.kinds[named] = array.dtype.name
        self.shapes[named] = array.shape
        return named

    def like(self, value: float, name: str) -> str:
        """Return a constant without axes, of the type that ``name`` has."""
        return self.array(value, self.kinds[name])

    def sizes(self, values: Sequence[int]) -> str:
        """Return a constant list of sizes, axes or positions."""
        return self.array(list(values), "int64")

    def cast(self, value: str, kind: str) -> str:
        """Return ``value`` as NumPy type ``kind``; itself where it is that already."""
        import numpy as np
        from onnx import helper

        if self.kinds.get(value) == kind:
            return value
        made: str = self.add("Cast", [value], to=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))
        self.kinds[made] = kind
        return made

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Return ``value`` in another shape; an initialiser is reshaped in place of a node."""
        if value in self.arrays:
            return self.array(self.arrays[value].reshape(tuple(shape)), name=value)
        made: str = self.add("Reshape", [value, self.sizes(shape)])
        return made

    def transpose(self, value: str, order: Sequence[int]) -> str:
        """Return ``value`` with its axes in another order; see ``reshape``."""
        import numpy as np

        if value in self.arrays:
            turned = np.ascontiguousarray(self.arrays[value].transpose(tuple(order)))
            return self.array(turned, name=value)
        made: str = self.add("Transpose", [value], perm=list(order))
        return made

    def slice(self, value: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        """Return part of one axis."""
        bounds = [self.sizes([number]) for number in (start, stop, axis, step)]
        made: str = self.add("Slice", [value, *bounds])
        return made

    def bind(self, result: str, type: Type, name: str, kind: str = "") -> None:
        """Say that the MLIR value ``result`` is the ONNX tensor ``name``."""
        self.values[result] = name
        self.shapes[name] = type.shape
        self.kinds[name] = kind or ELEMENTS[type.element]
