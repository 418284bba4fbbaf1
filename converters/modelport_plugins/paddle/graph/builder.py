"""A Paddle program in the making: its tensors by ONNX name, and the weights to put in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modelport_sdk import DynamicShapeRequired, UnsupportedFeature

SMALL = 64  # elements up to which a constant stands in the program instead of the weights
WHOLE = 2**53  # integers up to this are exact in float64
# What Paddle calls uint16 is bfloat16.
KINDS = {
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
}  # fmt: skip
ASSIGNED = {"bool", "int32", "int64", "float32", "float64"}  # types of paddle.assign


class Graph:
    """What was built so far.

    Attributes:
        p: The module ``paddle``.
        F: Its ``nn.functional``.
        held: Constants by ONNX name.
        made: Paddle tensors by ONNX name.
        placed: Constants that have become tensors.
        outer: Parameters made before the body of a branch that reads them; Paddle looks for
            those made inside in the wrong scope.
        weights: Values of the parameters, by their name in the program.
    """

    def __init__(self, paddle: Any, held: dict[str, Any]) -> None:
        self.p, self.F = paddle, paddle.nn.functional
        self.held = held
        self.made: dict[str, Any] = {}
        self.weights: dict[str, Any] = {}
        self.placed: dict[str, Any] = {}
        self.outer: dict[str, Any] = {}

    def value(self, name: str) -> Any:
        """Return a constant.

        Raises:
            UnsupportedFeature: It is computed at run time.
        """
        if name not in self.held:
            raise UnsupportedFeature(f"{name} must be a constant")
        return self.held[name]

    def numbers(self, name: str) -> Any:
        """Return whole numbers: a list where they are constant, else the tensor that holds them."""
        if name in self.held:
            return [int(number) for number in self.held[name].reshape(-1)]
        return self.made[name]

    def given(self, node: Any, place: int, key: str, attrs: dict[str, Any]) -> Any:
        """Return numbers that are an input since some opset, and were an attribute before."""
        if len(node.input) > place and node.input[place]:
            return self.numbers(node.input[place])
        return attrs.get(key)

    def tensor(self, name: str) -> Any:
        """Return a tensor; a constant becomes a parameter, or a small one a part of the program."""
        if name in self.made:
            return self.made[name]
        if name not in self.held:
            raise UnsupportedFeature(f"{name} is used and never made")
        if name not in self.placed:
            self.placed[name] = self.constant(self.held[name], name)
        return self.placed[name]

    def constant(self, array: Any, wanted: str = "constant") -> Any:
        """Return an array as a tensor of the program."""
        kind = known(array.dtype.name)
        if array.size > SMALL and kind in {"float32", "float64"}:
            return self.parameter(array, wanted)
        if kind in ASSIGNED and array.size <= SMALL:
            return self.p.assign(array)
        if array.size > SMALL and abs(array.astype("float64")).max() <= WHOLE:
            return self.p.cast(self.parameter(array.astype("float64"), wanted), kind)
        return self.p.cast(
            self.p.assign(array.astype("float32" if kind[0] == "f" else "int64")), kind
        )

    def parameter(self, array: Any, wanted: str) -> Any:
        """Return a new parameter; its value is put in when the program is saved."""
        if wanted in self.outer:
            found = self.outer[wanted]
            same = list(found.shape) == list(array.shape)
            return found if same else self.p.reshape(found, list(array.shape))
        stem = re.sub(r"[^\w.]", "_", wanted) or "weight"
        name, count = stem, 1
        while name in self.weights:
            count += 1
            name = f"{stem}_{count}"
        self.weights[name] = array
        nought = self.p.nn.initializer.Constant(0.0)
        return self.p.static.create_parameter(
            list(array.shape), array.dtype.name, name=name, default_initializer=nought
        )

    def kind(self, tensor: Any) -> str:
        """Return NumPy's name of a tensor's type."""
        return str(self.p.base.data_feeder.convert_dtype(tensor.dtype))

    def sizes(self, tensor: Any) -> list[Any]:
        """Return the sizes of a tensor: integers, or scalars of the program where they are open."""
        found = list(tensor.shape)
        if all(size >= 0 for size in found):
            return found
        shape = self.p.cast(self.p.shape(tensor), "int64")
        return [size if size >= 0 else shape[axis] for axis, size in enumerate(found)]

    def whole(self, tensor: Any) -> list[int]:
        """Return the sizes of a tensor.

        Raises:
            DynamicShapeRequired: One of them is open.
        """
        found = [int(size) for size in tensor.shape]
        if any(size < 0 for size in found):
            raise DynamicShapeRequired("a size must be known that the source leaves open")
        return found

    def reshape(self, tensor: Any, sizes: Sequence[Any]) -> Any:
        """Return a tensor in another shape; at most one size of the program becomes -1."""
        wanted = list(sizes)
        opened = [place for place, size in enumerate(wanted) if not isinstance(size, int)]
        if len(opened) == 1 and -1 not in wanted:
            wanted[opened[0]] = -1
        return self.p.reshape(tensor, wanted)


def known(kind: str) -> str:
    """Return ``kind``.

    Raises:
        UnsupportedFeature: Paddle has no such type.
    """
    if kind not in KINDS:
        raise UnsupportedFeature(f"Paddle has no {kind}")
    return kind


def attributes(node: Any) -> dict[str, Any]:
    """Return a node's attributes; text as ``str``, tensors as arrays."""
    from onnx import helper, numpy_helper

    found = {}
    for one in node.attribute:
        value = helper.get_attribute_value(one)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif one.HasField("t"):
            value = numpy_helper.to_array(value)
        found[one.name] = value
    return found
