"""Says what is in an ONNX or ORT file, without reading its weights into memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_onnx import external
from modelport_onnx import graph as graphs
from modelport_onnx.hints import hints
from modelport_onnx.signature import ANONYMOUS, dtype_name, port
from modelport_plugins.onnx import session
from modelport_plugins.onnx.source import read
from modelport_sdk import Context, CorruptModel, CustomOperator, first_line, inspector

CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")
# Operators that round activations at run time, so that outputs move in steps.
QUANTISING = (
    "QuantizeLinear", "DynamicQuantize", "MatMulInteger", "ConvInteger", "QLinear", "QAttention",
    "QGemm", "QEmbedLayerNormalization", "QOrdered",
)  # fmt: skip


@inspector(format="onnx")
def inspect_onnx(source: Path, ctx: Context) -> Mapping[str, Any]:
    """Return the description of docs/protocol.md.

    Raises:
        CorruptModel: It cannot be read, lacks a data file, or is no valid graph.
        CustomOperator: An operator of the ONNX domain exists in no operator set.
    """
    model = read(source, weights=False)
    operators = graphs.operator_counts(model)
    custom = custom_operators(model, operators)
    caution = _check(source, operators, custom)
    implied = hints(model)
    outside = external.files(model)
    details = {
        "ir_version": model.ir_version,
        "external_data": bool(outside),
        "external_files": outside,
        "functions": len(model.functions),
        "quantised": any(name.split("::")[-1].startswith(QUANTISING) for name in operators),
        "control_flow": [name for name in CONTROL_FLOW if name in operators],
        "custom_operators": custom,
    }
    if caution:
        details["checker"] = caution
    inputs = [
        {**port(value), "hints": implied.get(value.name, {})}
        for value in graphs.graph_inputs(model)
    ]
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return {
        "format": "onnx",
        "inputs": inputs,
        "outputs": [port(value) for value in model.graph.output],
        "operators": operators,
        "parameters": parameters(model),
        "opsets": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        "producer": producer,
        "nodes": sum(operators.values()),
        "metadata": {entry.key: entry.value for entry in model.metadata_props},
        "details": details,
    }


@inspector(format="ort")
def inspect_ort(source: Path, ctx: Context) -> Mapping[str, Any]:
    """Return the inputs, outputs and metadata that ONNX Runtime reports.

    Raises:
        CorruptModel: ONNX Runtime cannot load it.
    """
    try:
        loaded = session.open_session(source, threads=ctx.threads)
    except Exception as exc:  # a class of the runtime's own, with no common base
        text = _sentence(exc, source)
        raise CorruptModel(f"ONNX Runtime cannot load {source.name}: {text}") from exc
    about = loaded.get_modelmeta()
    return {
        "format": "ort",
        "inputs": [{**_ort_port(value), "hints": {}} for value in loaded.get_inputs()],
        "outputs": [_ort_port(value) for value in loaded.get_outputs()],
        "operators": {},
        "parameters": {},
        "opsets": {},
        "producer": about.producer_name,
        "nodes": 0,
        "metadata": dict(about.custom_metadata_map),
        "details": {},
    }


def parameters(model: Any) -> dict[str, int]:
    """Return the number of elements in initialisers and constants, by dtype."""
    counts: dict[str, int] = {}
    for tensor in graphs.tensors(model):
        count = 1
        for size in tensor.dims:
            count *= size
        name = dtype_name(tensor.data_type)
        counts[name] = counts.get(name, 0) + count
    return counts


def custom_operators(model: Any, operators: Mapping[str, int]) -> dict[str, int]:
    """Return those of ``operators`` that neither ONNX Runtime nor the model itself defines."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    known = {
        f"{schema.domain}::{schema.name}" if schema.domain not in ("", "ai.onnx") else schema.name
        for schema in state.get_all_operator_schema()
    }
    known |= {f"{function.domain}::{function.name}" for function in model.functions}
    return {name: count for name, count in operators.items() if name not in known}


def _check(source: Path, operators: Mapping[str, int], custom: Mapping[str, int]) -> str:
    """Return the checker's complaint if ONNX Runtime loads the model all the same, else "".

    The checker alone refuses some models that run (operators that only ONNX Runtime
    knows, newer operator sets), so a model is broken only if both refuse it.
    """
    import onnx

    try:
        onnx.checker.check_model(str(source))
    except onnx.checker.ValidationError as exc:
        complaint = _sentence(exc, source)
    else:
        return ""
    if "Field 'shape'" in complaint:  # outputs without a shape are common, and run
        return complaint
    plain = {name: count for name, count in custom.items() if "::" not in name}
    if plain:
        listed = ", ".join(plain)
        raise CustomOperator(
            f"{listed}: in no ONNX operator set",
            operators=plain,
            hint="Export with standard operators, or put them into a domain of their own.",
        )
    try:
        session.open_session(source, level="unoptimised")
    except Exception as exc:
        raise CorruptModel(
            f"{source.name} is no valid model: {complaint}", hint="Export the model again."
        ) from exc
    return complaint


def _sentence(exc: BaseException, source: Path) -> str:
    return first_line(exc).replace(f"{source.parent}/", "").rstrip(".")


def _ort_port(value: Any) -> dict[str, Any]:
    kind = value.type
    if kind.startswith("tensor("):
        inner = kind[len("tensor(") : -1]
        kind = {"float": "float32", "double": "float64"}.get(inner, inner)
    shape = [None if size is None or size in ANONYMOUS else size for size in value.shape]
    return {"name": value.name, "dtype": kind, "shape": shape}
