"""Edits a TFLite model as objects: new tensors, buffers and operators, and back into a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelport_plugins.tensorflow.lite import schema


def unpacked(data: bytes) -> Any:
    """Return the model as objects that can be edited.

    Raises:
        CorruptModel: The file is damaged.
    """
    with schema.damage():
        return schema.generated().ModelT.InitFromObj(schema.opened(bytearray(data)))


def packed(model: Any) -> bytes:
    """Return the model as a file."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def kind(model: Any, operator: Any) -> str:
    """Return the kind of an operator: ``CONV_2D``, or ``CUSTOM:NAME``."""
    code = model.operatorCodes[operator.opcodeIndex]
    numbers = vars(schema.generated().BuiltinOperator)
    names = {value: name for name, value in numbers.items() if isinstance(value, int)}
    name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
    custom = code.customCode or b""
    return f"CUSTOM:{custom.decode('utf-8', 'replace')}" if name == "CUSTOM" else name


def dtype(tensor: Any) -> str:
    """Return the name of a tensor's type in lower case."""
    kinds = vars(schema.generated().TensorType)
    found = (n for n, value in kinds.items() if value == tensor.type and n.isupper())
    return next(found, "").lower()


def code(model: Any, name: str) -> int:
    """Return the index of an operator code, added if it is not there."""
    module = schema.generated()
    number = getattr(module.BuiltinOperator, name)
    for index, one in enumerate(model.operatorCodes):
        if max(one.builtinCode, one.deprecatedBuiltinCode) == number:
            return index
    added = module.OperatorCodeT()
    added.builtinCode, added.deprecatedBuiltinCode, added.version = number, min(number, 127), 1
    model.operatorCodes.append(added)
    return len(model.operatorCodes) - 1


def buffer(model: Any, values: Any) -> int:
    """Return the index of a new buffer that holds ``values``."""
    import numpy as np

    added = schema.generated().BufferT()
    added.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(added)
    return len(model.buffers) - 1


def integers(model: Any, graph: Any, name: str, values: Sequence[int]) -> int:
    """Return the index of a new tensor: a constant of one axis, int32."""
    import numpy as np

    module = schema.generated()
    tensor = module.TensorT()
    tensor.name, tensor.shape, tensor.type = name.encode(), [len(values)], module.TensorType.INT32
    tensor.buffer = buffer(model, np.asarray(values, np.int32))
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def append(
    model: Any,
    name: str,
    inputs: list[int],
    output: int,
    *,
    options: Any,
    first: bool = False,
) -> None:
    """Add an operator to the first graph, behind all others or in front of them."""
    module = schema.generated()
    added = module.OperatorT()
    added.opcodeIndex = code(model, name)
    added.inputs, added.outputs, added.builtinOptions = inputs, [output], options
    kind_of = type(options).__name__.removesuffix("T")
    added.builtinOptionsType = getattr(module.BuiltinOptions, kind_of)
    graph = model.subgraphs[0]
    operators = list(graph.operators)
    graph.operators = [added, *operators] if first else [*operators, added]


def swept(model: Any) -> None:
    """Empty the buffers that no tensor names any more."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or ()}
    for index, one in enumerate(model.buffers):
        if index not in used:
            one.data = None
