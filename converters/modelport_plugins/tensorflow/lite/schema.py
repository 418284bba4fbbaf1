"""Reads a TFLite flatbuffer with the classes that its makers generate from their schema.

They check nothing: what a damaged file makes of them is caught here and named.
"""

from __future__ import annotations

import contextlib
import importlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_sdk import CorruptModel

# Either package has the same generated module; each environment has one of them.
PLACES = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
# Operators or tensors of all subgraphs; a vision transformer has 3,000.
MOST = 1_000_000
DAMAGE = (
    struct.error, IndexError, KeyError, ValueError, TypeError, AttributeError, OverflowError,
    UnicodeDecodeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """One operator of a subgraph.

    Attributes:
        kind: ``CONV_2D``, or ``CUSTOM:NAME``.
        inputs: Indices of tensors; -1 where an optional one is left out.
        subgraph: Index of the subgraph that it stands in.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraph: int


def generated() -> Any:
    """Return the module of generated classes."""
    for place in PLACES:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(place)
    raise ModuleNotFoundError(PLACES[0])


@contextlib.contextmanager
def damage() -> Iterator[None]:
    """Name what a damaged file makes of the generated classes.

    Raises:
        CorruptModel: One of their complaints came up.
    """
    try:
        yield
    except DAMAGE as exc:
        raise CorruptModel(
            "the file is no complete TensorFlow Lite model", hint="Upload the file again, in full."
        ) from exc


def opened(data: bytearray) -> Any:
    """Return the Model in ``data``; arrays that it gives are views, so edits edit ``data``."""
    if data[4:8] != b"TFL3":
        raise CorruptModel("the file is no TensorFlow Lite model: its signature is missing")
    model = generated().Model.GetRootAs(data, 0)
    if not model.SubgraphsLength():
        raise CorruptModel("the model has no graph")
    return model


def read(path: Path) -> Any:
    """Return the Model in the file ``path``.

    Raises:
        CorruptModel: It is none, or damaged.
    """
    with damage():
        return opened(bytearray(path.read_bytes()))


def subgraphs(model: Any) -> Iterator[Any]:
    """Yield the subgraphs; the first is the model, others are bodies of control flow."""
    total = 0
    for index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(index)
        total += graph.OperatorsLength() + graph.TensorsLength()
        if total > MOST:
            raise CorruptModel("the file claims more operators than any model has")
        yield graph


def operators(model: Any) -> Iterator[Operator]:
    """Yield all operators, subgraph by subgraph.

    Raises:
        CorruptModel: One names a tensor or a kind that is not there.
    """
    kinds = kind_names(model)
    for number, graph in enumerate(subgraphs(model)):
        count = graph.TensorsLength()
        for index in range(graph.OperatorsLength()):
            op = graph.Operators(index)
            inputs = tuple(op.Inputs(i) for i in range(op.InputsLength()))
            outputs = tuple(op.Outputs(i) for i in range(op.OutputsLength()))
            if not all(-1 <= tensor < count for tensor in (*inputs, *outputs)):
                raise CorruptModel("an operator names a tensor that is not there")
            yield Operator(kinds[op.OpcodeIndex()], inputs, outputs, number)


def kind_names(model: Any) -> list[str]:
    """Return the kind of each operator code: old files keep it in a byte."""
    enum = generated().BuiltinOperator
    names = {value: name for name, value in vars(enum).items() if isinstance(value, int)}
    found = []
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = names.get(number, f"BUILTIN_{number}")
        if name == "CUSTOM":
            name = f"CUSTOM:{(code.CustomCode() or b'').decode('utf-8', 'replace')}"
        found.append(name)
    return found


def dtype(tensor: Any) -> str:
    """Return NumPy's name of a tensor's type, or the schema's in lower case."""
    kinds = vars(generated().TensorType)
    number = tensor.Type()
    name = next((n for n, value in kinds.items() if value == number and n.isupper()), "unknown")
    return name.lower()


def shape(tensor: Any) -> list[int | None]:
    """Return the sizes; None where the signature leaves one open."""
    signature = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
    sizes = signature or [tensor.Shape(i) for i in range(tensor.ShapeLength())]
    return [None if size < 0 else int(size) for size in sizes]


def name(tensor: Any, index: int) -> str:
    """Return a tensor's name; a nameless one is called by its index, as nothing else may be."""
    return (tensor.Name() or b"").decode("utf-8", "replace") or f"tensor_{index}"


def ports(graph: Any) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return name and tensor index of each input and output.

    A name that stands twice is told apart by the tensor's index, as ``x#7``.
    """
    inputs = [graph.Inputs(i) for i in range(graph.InputsLength())]
    outputs = [graph.Outputs(i) for i in range(graph.OutputsLength())]
    names: dict[int, str] = {}
    for index in dict.fromkeys([*inputs, *outputs]):
        found = name(graph.Tensors(index), index)
        names[index] = f"{found}#{index}" if found in names.values() else found
    return [(names[i], i) for i in inputs], [(names[i], i) for i in outputs]
