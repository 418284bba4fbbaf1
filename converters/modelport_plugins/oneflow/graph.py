"""An nn.Graph folder as an ONNX model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import variable
from modelport_plugins.oneflow.mlir import Operation, read
from modelport_plugins.oneflow.operators import BOOLEAN, TABLE
from modelport_plugins.oneflow.writer import DATA_TYPES, ELEMENTS, IR_VERSION, OPSET, Writer
from modelport_sdk import CorruptModel, UnsupportedFeature, UnsupportedOperator

NUMBERED = re.compile(r"_(\d+)$")
FRAME = ("input", "variable", "output", "return")
# OneFlow's word in the name of a tensor that forward() found in a plain attribute or list.
FREE = "FreeEagerTensor"


def model(path: Path) -> Any:
    """Return the ``ModelProto`` of the graph in ``path``, its variables read from beside it.

    Raises:
        CorruptModel: The text or a variable is damaged.
        UnsupportedOperator: ONNX has no counterpart for an operator; all are named.
        UnsupportedFeature: An operator is used in a way that ONNX has none for, or reads a
            tensor that OneFlow did not save.
    """
    from onnx import helper, numpy_helper

    operations = read(path)
    refuse_unknown(operations)
    refuse_unsaved(operations, path.parent)
    writer = Writer(operations)
    inputs, outputs = ports(operations)
    for port, operation in zip(inputs, ordered("input", operations)):
        kind = operation.result_types[0]
        writer.bind(operation.results[0], kind, writer.name(port["name"]), port["dtype"])
    for port in outputs:
        writer.name(port["name"])
    for operation in operations:
        _emit(writer, operation, path.parent)
    for port, operation in zip(outputs, ordered("output", operations)):
        value = writer.cast(writer.values[operation.operands[0]], port["dtype"])
        writer.nodes.append(helper.make_node("Identity", [value], [port["name"]]))
    used = {name for node in writer.nodes for name in node.input}
    held = [numpy_helper.from_array(a, name) for name, a in writer.arrays.items() if name in used]
    graph = helper.make_graph(
        writer.nodes, "oneflow", list(map(_value, inputs)), list(map(_value, outputs)), held
    )
    opset = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
    made.producer_name = "OneFlow nn.Graph"
    return made


def refuse_unknown(operations: Sequence[Operation]) -> None:
    """Raise UnsupportedOperator with the name and count of every operator that is not read."""
    kinds = Counter(operation.kind for operation in operations)
    missing = {kind: n for kind, n in kinds.items() if kind not in TABLE and kind not in FRAME}
    if missing:
        names = ", ".join(sorted(missing))
        raise UnsupportedOperator(
            f"OneFlow's {names} cannot be written as ONNX here", operators=missing
        )


def refuse_unsaved(operations: Sequence[Operation], folder: Path) -> None:
    """Raise UnsupportedFeature with the operators that read tensors which OneFlow did not save.

    ``oneflow.save`` (0.9.0) writes parameters and buffers. A tensor that ``forward`` found in a
    plain attribute or list is in the graph as a variable, but not in the folder.
    """
    missing = {
        one.results[0]: one.name
        for one in operations
        if one.kind == "variable" and FREE in one.name
        if not (variable.inside(folder, one.name) / "meta").is_file()
    }
    readers = [one for one in operations if not missing.keys().isdisjoint(one.operands)]
    if not readers:
        return
    kinds = Counter(one.kind for one in readers)
    first = next(missing[value] for value in readers[0].operands if value in missing)
    raise UnsupportedFeature(
        f"{', '.join(sorted(kinds))} need tensors that OneFlow did not save ({len(missing)} in "
        f"all), neither parameters nor buffers of the module: {readers[0].name} reads {first}",
        hint="Keep layers in nn.ModuleList and tensors in register_buffer and save again, or add "
        "the tensors to the folder as the page on OneFlow shows.",
        operators=kinds,
    )


def ports(operations: Sequence[Operation]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return inputs and outputs in order: ``input_0``, ..., with NumPy's types and fixed shapes.

    OneFlow's own names hold the class, the place in the arguments and a number: they change with
    every process that saves the graph.
    """
    found = []
    for kind in ("input", "output"):
        of_kind = ordered(kind, operations)
        found.append(
            [
                {
                    "name": f"{kind}_{index}",
                    "dtype": element(operation),
                    "shape": list(operation.result_types[0].shape),
                }
                for index, operation in enumerate(of_kind)
            ]
        )
    return found[0], found[1]


def ordered(kind: str, operations: Sequence[Operation]) -> list[Operation]:
    """Return those of a kind, in the order of the arguments and results of ``build``.

    OneFlow numbers them in that order at the end of their names (``_Net_0_output.0.0.1_4``); in
    the text they stand in the order in which they are ready.
    """
    found = [operation for operation in operations if operation.kind == kind]
    numbers = [NUMBERED.search(operation.name) for operation in found]
    if not all(numbers):
        return found
    order = sorted(range(len(found)), key=lambda index: int((numbers[index] or [0, 0])[1]))
    return [found[index] for index in order]


def element(operation: Operation) -> str:
    """Return NumPy's name for the type of an input or output; bool stands in an attribute only."""
    told = DATA_TYPES.get(operation.attributes.get("data_type", 0))
    return told or ELEMENTS[operation.result_types[0].element]


def _value(port: dict[str, Any]) -> Any:
    import numpy as np
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(port["dtype"]))
    return helper.make_tensor_value_info(port["name"], kind, port["shape"])


def _emit(writer: Writer, operation: Operation, folder: Path) -> None:
    if operation.kind in {"input", "output", "return"}:
        return
    result = operation.results[0]
    if operation.kind == "variable":
        array = variable.load(folder, operation.name)
        if array.shape != operation.result_types[0].shape:
            raise CorruptModel(
                f"variable {operation.name} is of shape {array.shape}, "
                f"the graph wants {operation.result_types[0].shape}"
            )
        name = writer.array(array, name=operation.name)
        writer.bind(result, operation.result_types[0], name, array.dtype.name)
        return
    try:
        fed = [writer.values[value] for value in operation.operands]
    except KeyError as exc:
        raise CorruptModel(f"model.mlir uses a value before it is made: {exc.args[0]}") from exc
    writer.stem = operation.name
    made = TABLE[operation.kind](writer, operation, fed)
    names = made if isinstance(made, tuple) else (made,)
    for value, type, name in zip(operation.results, operation.result_types, names):
        writer.bind(value, type, name, _result_kind(writer, operation, type.element, name, fed))


def _result_kind(  # private, called once
    writer: Writer, operation: Operation, element: str, name: str, fed: list[str]
) -> str:
    if element != "si8":
        return ELEMENTS[element]
    if operation.kind in BOOLEAN:
        return "bool"
    if operation.kind in {"cast", "constant"}:
        return DATA_TYPES[operation.attributes["dtype"]]
    return writer.kinds.get(fed[-1] if operation.kind == "where" else fed[0], "int8")
