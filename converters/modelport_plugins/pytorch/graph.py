"""Turns an ONNX graph into a PyTorch module: source text, compiled by TorchScript.

The module is Python as well, so that ``torch.export`` can follow it.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.operators import TABLE
from modelport_plugins.pytorch.port import identifiers
from modelport_plugins.pytorch.source import Source, Value, attributes, dtype
from modelport_sdk import CustomOperator, UnsupportedFeature, UnsupportedOperator

DOMAINS = {"", "ai.onnx"}
PUBLISHED = ("ai.onnx.", "com.microsoft")  # what others there are, of known meaning
MICROSOFT = {"DynamicQuantizeLSTM", "Gelu"}
HEADER = """import torch
from torch import Tensor

from modelport_plugins.pytorch.kernels import (
    arithmetic, array, index, pool, quantised, recurrent, resize, size,
)


class Model(torch.nn.Module):
    def forward(self, {signature}) -> {result}:
"""


@dataclass(frozen=True)
class Built:
    """A module made out of a graph.

    Attributes:
        module: Plain Python; ``torch.jit.script`` compiles it.
        inputs: ``(ONNX name, argument name)`` in order.
        outputs: ONNX names in order.
        static: Whether the source holds no branches.
    """

    module: Any
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    static: bool


def build(model: Any, folder: Path) -> Built:
    """Return the graph as a module; its source goes to ``folder``.

    Raises:
        UnsupportedOperator: With every operator that is not in the table.
        UnsupportedFeature: Inputs or outputs are no tensors.
    """
    from modelport_onnx.graph import graph_inputs, opset

    _check(model)
    graph = model.graph
    inputs = [value.name for value in graph_inputs(model)]
    outputs = [value.name for value in graph.output]
    arguments = identifiers([f"{name}" for name in inputs])
    arguments = [f"x_{a}" if a[:1] == "v" and a[1:].isdigit() else a for a in arguments]
    src = Source(opset(model) or 1)
    for name, argument in zip(inputs, arguments, strict=True):
        src.values[name] = Value("tensor", argument)
    write_graph(src, graph)
    results = [_result(src, value) for value in graph.output]
    src.line(f"return {', '.join(results)}")
    kind = "Tensor" if len(results) == 1 else f"tuple[{', '.join(['Tensor'] * len(results))}]"
    signature = ", ".join(f"{argument}: Tensor" for argument in arguments)
    text = HEADER.format(signature=signature, result=kind) + "\n".join(src.lines) + "\n"
    module = _module(text, src.state, folder)
    static = not any(line.lstrip().startswith("if ") for line in src.lines)
    return Built(module, tuple(zip(inputs, arguments, strict=True)), tuple(outputs), static)


def _check(model: Any) -> None:
    """Raise for operators that the table lacks, all at once and with counts."""
    from modelport_onnx.graph import nodes

    missing: Counter[str] = Counter()
    custom: Counter[str] = Counter()
    for node in nodes(model):
        ours = node.domain in DOMAINS or (
            node.domain == "com.microsoft" and node.op_type in MICROSOFT
        )
        if not ours:
            counted = missing if node.domain.startswith(PUBLISHED) else custom
            counted[f"{node.domain}::{node.op_type}"] += 1
        elif node.op_type not in TABLE and node.op_type != "If":
            missing[node.op_type] += 1
    if custom:
        raise CustomOperator(
            f"{', '.join(custom)} belongs to no operator set known here", operators=dict(custom)
        )
    if missing:
        raise UnsupportedOperator(
            f"{', '.join(missing)} has no counterpart in PyTorch here", operators=dict(missing)
        )
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            raise UnsupportedFeature(f"{value.name} is a sequence, map or optional")


def write_graph(src: Source, graph: Any) -> None:
    """Write the initialisers and nodes of a graph or of a branch."""
    import onnx

    for tensor in graph.initializer:
        src.values[tensor.name] = Value("const", array=onnx.numpy_helper.to_array(tensor))
    for node in graph.node:
        if node.op_type == "If":
            _write_if(src, node)
        elif not _folded(src, node):
            TABLE[node.op_type](src, node, attributes(node))


def _folded(src: Source, node: Any) -> bool:
    """Compute a node of constants now; those inside of branches were not folded before."""
    import numpy as np
    import onnx
    from onnx.reference import ReferenceEvaluator

    from modelport_onnx.fold import FOLDABLE, LARGEST

    held = {name: src.const(name) for name in node.input if name}
    known = all(array is not None and array.dtype.kind in "biuf" for array in held.values())
    if not held or not known or node.op_type not in FOLDABLE:
        return False
    if sum(array.nbytes for array in held.values()) > LARGEST or node.op_type in UNBOUNDED:
        return False
    tensor_of = onnx.helper.np_dtype_to_tensor_dtype
    inputs = [
        onnx.helper.make_tensor_value_info(name, tensor_of(array.dtype), array.shape)
        for name, array in held.items()
    ]
    names = [name for name in node.output if name]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in names]
    graph = onnx.helper.make_graph([node], "constant", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", src.opset)])
    results = ReferenceEvaluator(model).run(None, held)
    for name, result in zip(names, results, strict=True):
        src.values[name] = Value("const", array=np.asarray(result))
    return True


# Small inputs can make these arbitrarily large.
UNBOUNDED = frozenset({"ConstantOfShape", "Expand", "Range", "Tile"})


def _write_if(src: Source, node: Any) -> None:
    """Write both branches; what they give goes to the same variables."""
    bodies = {a.name: a.g for a in node.attribute}
    branches = (bodies["then_branch"], bodies["else_branch"])
    condition = src.bool(node.input[0])
    variables = [src.fresh() for _ in node.output]
    scopes = [_branch(src, graph) for graph in branches]
    kinds = []
    for results in zip(*(names for names, _, _ in scopes), strict=True):
        seen = {
            replace(src, values=values).kind(name)
            for name, (_, values, _) in zip(results, scopes, strict=True)
        }
        kinds.append(seen.pop() if len(seen) == 1 else "tensor")
    for word, scope in zip((f"if {condition}:", "else:"), scopes, strict=True):
        src.line(word)
        _assign(src, scope, variables, kinds)
    for name, variable, kind in zip(node.output, variables, kinds, strict=True):
        src.values[name] = Value(kind, variable)


Scope = tuple[list[str], dict[str, Value], list[str]]


def _branch(src: Source, graph: Any) -> Scope:
    """Return a branch's outputs, what is known in it, and its lines; ``src`` is left alone."""
    outer = dict(src.values), src.lines, dict(src.lengths)
    src.lines = []
    src.indent += 1
    write_graph(src, graph)
    scope = [value.name for value in graph.output], src.values, src.lines
    src.values, src.lines, src.lengths = outer
    src.indent -= 1
    return scope


def _assign(src: Source, scope: Scope, variables: Sequence[str], kinds: Sequence[str]) -> None:
    """Add a branch's lines and give its outputs the names that both branches share."""
    outer = src.values
    src.lines.extend(scope[2])
    src.values = scope[1]
    src.indent += 1
    for variable, name, kind in zip(variables, scope[0], kinds, strict=True):
        text = {"int": src.int, "ints": src.ints, "bool": src.bool}.get(kind, src.tensor)(name)
        src.line(f"{variable}{': list[int]' if kind == 'ints' else ''} = {text}")
    src.indent -= 1
    src.values = outer


def _result(src: Source, value: Any) -> str:
    """Return an output in the type that the graph declares."""
    kind = src.values[value.name].kind
    text = src.tensor(value.name)
    if kind in {"int", "ints", "bool"}:
        return f"{text}.to({dtype(value.type.tensor_type.elem_type)})"
    return text


def _module(text: str, state: dict[str, Any], folder: Path) -> Any:
    """Import the generated source and give the module its tensors."""
    import torch

    from modelport_plugins.pytorch import kernels

    kernels.bind()
    path = folder / "generated_model.py"
    path.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location("generated_model", path)
    if spec is None or spec.loader is None:
        raise UnsupportedFeature("the generated source cannot be imported")
    namespace = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(namespace)
    module = namespace.Model()
    for name, array in state.items():
        tensor = _tensor(array)
        if tensor.is_floating_point():
            module.register_parameter(name, torch.nn.Parameter(tensor, requires_grad=False))
        else:
            module.register_buffer(name, tensor)
    return module.eval()


def _tensor(array: Any) -> Any:
    import numpy as np
    import torch

    if array.dtype.name == "bfloat16":  # NumPy knows it through ml_dtypes only
        return torch.from_numpy(np.array(array).view(np.int16)).view(torch.bfloat16)
    if array.dtype.kind not in "biuf":
        raise UnsupportedFeature(f"PyTorch has no tensors of type {array.dtype.name}")
    return torch.from_numpy(np.array(array, order="C"))
