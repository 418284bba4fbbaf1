"""What is in a TFLite model, read from the flatbuffer; LiteRT says whether it loads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow.lite import constant, schema
from modelport_sdk import Context, CorruptModel, first_line, inspector

INTEGERS = ("int8", "uint8", "int16", "int4", "int2")


@inspector(format="tflite", env="litert")
def inspect(source: Path, ctx: Context) -> dict[str, Any]:
    """Return the description of docs/protocol.md; ``details`` has quantisation and signatures.

    Raises:
        CorruptModel: The file is damaged, or LiteRT cannot read it.
    """
    with schema.damage():
        found = _described(schema.read(source))
    _loaded(source)
    return found


def _loaded(source: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    try:
        Interpreter(model_path=str(source), num_threads=1)
    except ValueError as exc:  # operators that it lacks are a RuntimeError, and no damage
        text = first_line(exc).replace(str(source), source.name)
        raise CorruptModel(f"LiteRT cannot read the model: {text}") from exc


def _described(model: Any) -> dict[str, Any]:
    graph = model.Subgraphs(0)
    operators = list(schema.operators(model))
    inputs, outputs = schema.ports(graph)
    hints = constant.bounds(model, operators)
    counts = Counter(operator.kind for operator in operators)
    custom = {kind: count for kind, count in counts.items() if kind.startswith("CUSTOM:")}
    return {
        "format": "tflite",
        "inputs": [{**_port(graph, p), "hints": hints.get(p[1], {})} for p in inputs],
        "outputs": [{**_port(graph, p), "hints": {}} for p in outputs],
        "operators": dict(counts.most_common()),
        "parameters": _parameters(model),
        "opsets": {},
        "producer": (model.Description() or b"").decode("utf-8", "replace"),
        "nodes": sum(counts.values()),
        "metadata": {},
        "details": {
            "version": model.Version(),
            "subgraphs": model.SubgraphsLength(),
            "quantised": any(_rounds(graph, operator) for operator in operators),
            "quantisation": _quantisation(graph, [*inputs, *outputs]),
            "custom_operators": custom,
            "signatures": _signatures(model),
            "layout": "NHWC",
        },
    }


def _rounds(graph: Any, operator: schema.Operator) -> bool:
    """Whether a layer of the first graph computes in integers, always or for this call.

    With integer weights and float inputs LiteRT quantises the inputs while it runs.
    """
    if operator.subgraph or operator.kind not in constant.POSITIONS:
        return False
    weights = constant.POSITIONS[operator.kind][0]
    inputs = [operator.inputs[i] for i in weights if i < len(operator.inputs)]
    return any(schema.dtype(graph.Tensors(i)) in INTEGERS for i in inputs if i >= 0)


def _port(graph: Any, port: tuple[str, int]) -> dict[str, Any]:
    tensor = graph.Tensors(port[1])
    return {"name": port[0], "dtype": schema.dtype(tensor), "shape": schema.shape(tensor)}


def _quantisation(graph: Any, ports: list[tuple[str, int]]) -> dict[str, Any]:
    """Return scale and zero point of each quantised input and output."""
    found = {}
    for name, index in ports:
        told = graph.Tensors(index).Quantization()
        if told is not None and told.ScaleLength():
            zero = told.ZeroPoint(0) if told.ZeroPointLength() else 0
            found[name] = {"scale": float(told.Scale(0)), "zero_point": int(zero)}
    return found


def _parameters(model: Any) -> dict[str, int]:
    """Return the number of constant elements by type."""
    counts: dict[str, int] = {}
    for graph in schema.subgraphs(model):
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            if constant.size(model, tensor):
                count = 1
                for axis in range(tensor.ShapeLength()):
                    count *= tensor.Shape(axis)
                kind = schema.dtype(tensor)
                counts[kind] = counts.get(kind, 0) + count
    return counts


def _signatures(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index in range(model.SignatureDefsLength()):
        one = model.SignatureDefs(index)
        found[(one.SignatureKey() or b"").decode("utf-8", "replace")] = {
            "inputs": [_word(one.Inputs(i)) for i in range(one.InputsLength())],
            "outputs": [_word(one.Outputs(i)) for i in range(one.OutputsLength())],
        }
    return found


def _word(port: Any) -> str:
    return (port.Name() or b"").decode("utf-8", "replace")
