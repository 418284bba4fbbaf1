"""Calls tf2onnx, and believes nothing that it says.

It writes operators that it lacks into the file, and succeeds.

Source: onnx/tensorflow-onnx 1.17, ``tf2onnx/convert.py`` and ``tf2onnx/tfonnx.py``.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow import handler
from modelport_sdk import (
    Context,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
    first_line,
)

OPSET = 18  # the newest that tf2onnx 1.17 writes
PREFIX = "TFL_"
LIMIT = 1_500_000_000  # bytes; above it a protobuf message nears its own limit of 2 GiB
# What its handlers raise where they meet something that they do not know.
COMPLAINTS = (
    ValueError, NotImplementedError, AssertionError, LookupError, AttributeError, TypeError,
    RuntimeError, ArithmeticError,
)  # fmt: skip


def export(source: str, arguments: dict[str, Any]) -> Any:
    """Return the ONNX model that tf2onnx makes, every operator of it known.

    Args:
        source: What the model is, for messages: ``"TensorFlow Lite"``.
        arguments: Of ``process_tf_graph``, and ``frozen_graph`` where there is one.

    Raises:
        UnsupportedOperator: Operators that tf2onnx lacks, named and counted.
        UnsupportedFeature: It gave up, or what it made is no valid ONNX.
    """
    import onnx
    from tf2onnx import convert

    handler.register()
    frozen = arguments.pop("frozen_graph", None)
    with _named(source):
        model, _ = convert._convert_common(  # noqa: SLF001  # from_tflite passes over exceptions of handlers
            frozen, opset=OPSET, continue_on_error=False, **arguments
        )
    refuse_unknown(model, source)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise UnsupportedFeature(
            f"what tf2onnx made of the model is no valid ONNX: {first_line(exc)}"
        ) from exc
    model.graph.doc_string = ""
    return model


@contextlib.contextmanager
def _named(source: str) -> Iterator[None]:
    """Translate what tf2onnx's handlers raise."""
    try:
        yield
    except PluginError:
        raise
    except COMPLAINTS as exc:
        raise UnsupportedFeature(
            f"tf2onnx cannot convert this {source} model: {first_line(exc)}",
            hint="Simplify the model before the export, or export it to ONNX another way.",
        ) from exc


def refuse_unknown(model: Any, source: str) -> None:
    """Refuse a model with operators that ONNX does not have.

    Raises:
        UnsupportedOperator: They are named and counted.
    """
    import onnx

    known = {(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas()}
    counts: Counter[str] = Counter()
    for graph in _graphs(model.graph):
        for node in graph.node:
            domain = "" if node.domain == "ai.onnx" else node.domain
            if (domain, node.op_type) not in known:
                counts[node.op_type.removeprefix(PREFIX)] += 1
    if counts:
        raise UnsupportedOperator(
            f"ONNX has no counterpart for {source}'s {', '.join(sorted(counts))}",
            operators=dict(counts),
            hint="Replace these operators before the export.",
        )


def _graphs(graph: Any) -> Any:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def write(model: Any, out: Path, ctx: Context) -> None:
    """Write the model, its weights beside it where they are large."""
    import onnx

    target = out / f"{ctx.name}.onnx"
    if model.ByteSize() < LIMIT:
        onnx.save(model, str(target))
        return
    beside = f"{ctx.name}.onnx.data"
    onnx.save(model, str(target), save_as_external_data=True, location=beside)


def refuse(counts: Counter[str], what: str, why: str) -> None:
    """Refuse operators by name, if there are any.

    Raises:
        UnsupportedOperator: ``counts`` is not empty.
    """
    if counts:
        names = ", ".join(sorted(counts))
        raise UnsupportedOperator(f"{names}: {what}", operators=dict(counts), hint=why)
