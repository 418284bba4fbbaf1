"""Builds a Paddle program of an ONNX graph and saves it, in whichever Paddle runs here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.paddle.graph import TABLE
from modelport_plugins.paddle.graph.builder import SMALL, Graph, attributes, known
from modelport_plugins.paddle.library import library, reason
from modelport_sdk import (
    Context,
    CorruptModel,
    CustomOperator,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
    mapped,
)

BRANCH = "If"
LISTED = 5  # names of nodes in a message


def assemble(source: Path, out: Path, ctx: Context) -> Any:
    """Write ``NAME`` with its weights into ``out``; return the ONNX model as it was prepared.

    Raises:
        CorruptModel: The file is no ONNX model.
        UnsupportedOperator: An operator is not written; all are named, with their nodes.
        CustomOperator: An operator is of no published set.
        UnsupportedFeature: An operator is used in a way that is not written.
        DynamicShapeRequired: A size must be known that the source leaves open.
    """
    model = prepared(source, ctx)
    refuse_unknown(model)
    paddle = library()
    paddle.enable_static()
    program, start = paddle.static.Program(), paddle.static.Program()
    with (
        paddle.static.scope_guard(paddle.static.Scope()),
        paddle.static.program_guard(program, start),
    ):
        graph, feeds, results = _built(model, paddle)
        executor = paddle.static.Executor(paddle.CPUPlace())
        executor.run(start)
        scope = paddle.static.global_scope()
        for name, array in graph.weights.items():
            scope.find_var(name).get_tensor().set(array, paddle.CPUPlace())
        ctx.progress("write", 0.8)
        try:
            paddle.static.save_inference_model(
                str(out / ctx.name), feeds, results, executor, program=program
            )
        except Exception as exc:  # made in C++, with no base of their own
            raise UnsupportedFeature(f"Paddle does not save this program: {reason(exc)}") from exc
    return model


def prepared(source: Path, ctx: Context) -> Any:
    """Return the model with functions written out and constants folded; open sizes stay open.

    Raises:
        CorruptModel: It cannot be read.
        UnsupportedFeature: An input or output is no tensor.
    """
    import onnx
    from google.protobuf.message import DecodeError

    from modelport_onnx import graph, rewrite, signature, softmax
    from modelport_onnx.fold import fold

    with mapped({DecodeError: CorruptModel, ValueError: CorruptModel, OSError: CorruptModel}):
        model = graph.load(source)
    if port := signature.non_tensor(model):
        raise UnsupportedFeature(f"{port}, and Paddle has tensors only")
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    rewrite.drop_initializer_inputs(model)
    graph.sort(model.graph)
    softmax.softmax_before_13(model)
    fold(model)
    rewrite.drop_unused(model)
    return model


def refuse_unknown(model: Any) -> None:
    """Return if every operator is one that is written.

    Raises:
        UnsupportedOperator: Others are there; all are named, with their nodes.
        CustomOperator: They are of no published set.
    """
    from modelport_onnx import graph

    known = {*TABLE, BRANCH}
    odd = [n for n in graph.nodes(model) if graph.operator_name(n) not in known]
    counts = dict(Counter(graph.operator_name(node) for node in odd))
    custom = {
        name: count
        for name, count in counts.items()
        if "::" in name and not name.startswith(("com.microsoft::", "ai.onnx"))
    }
    if custom:
        raise CustomOperator(
            f"{', '.join(sorted(custom))} are of no published set", operators=custom
        )
    if odd:
        nodes = [node.name or (node.output[0] if node.output else "") for node in odd]
        named = ", ".join(nodes[:LISTED]) + (", ..." if len(nodes) > LISTED else "")
        raise UnsupportedOperator(
            f"ONNX's {', '.join(sorted(counts))} cannot be written for Paddle (nodes {named})",
            operators=counts,
        )


def _built(model: Any, paddle: Any) -> tuple[Graph, list[Any], list[Any]]:
    """Return the graph, and the tensors to feed and to fetch."""
    from modelport_onnx import graph as graphs
    from modelport_onnx.signature import port

    built = Graph(paddle, _arrays(model.graph))
    feeds = []
    read = {name for node in model.graph.node for name in graphs.outer_names(node)}
    read |= {value.name for value in model.graph.output}
    for value in graphs.graph_inputs(model):
        if value.name not in read:  # Paddle saves no input that nothing depends on
            continue
        told = port(value)
        if told["shape"] is None:
            raise UnsupportedFeature(f"the rank of input {value.name} is open")
        sizes = [size if isinstance(size, int) else -1 for size in told["shape"]]
        feeds.append(paddle.static.data(value.name, sizes, known(told["dtype"])))
        built.made[value.name] = feeds[-1]
    walk(built, model.graph.node)
    results = []
    for value in model.graph.output:
        made, wanted = built.tensor(value.name), port(value)["dtype"]
        # A copy: what is fetched must be neither fed, nor held, nor fetched twice.
        same = built.kind(made) == wanted
        results.append(paddle.assign(made) if same else paddle.cast(made, wanted))
    if not built.weights:
        results[0] = _held(built, results[0])
    return built, feeds, results


def _held(built: Graph, made: Any) -> Any:
    """Return ``made`` with a zero added that is a weight: Paddle loads no program without any."""
    import numpy as np

    kind = built.kind(made)
    nought = built.p.cast(built.parameter(np.zeros(1, np.float32), "nought"), kind)
    nought = built.p.reshape(nought, [1] * len(made.shape))
    return (built.p.logical_or if kind == "bool" else built.p.add)(made, nought)


def walk(built: Graph, nodes: Any) -> None:
    """Build every node, in order.

    Raises:
        UnsupportedFeature: Paddle refuses one; it is named.
    """
    for node in nodes:
        where = f"{node.op_type} (node {node.name or node.output[0]})"
        try:
            emit = _branch if node.op_type == BRANCH else TABLE[node.op_type]
            made = emit(built, node, attributes(node))
        except PluginError as exc:
            exc.args = (f"{where}: {exc}",) if "(node " not in str(exc) else exc.args
            raise
        except Exception as exc:  # what Paddle's own checks raise has no common base
            raise UnsupportedFeature(f"{where}: Paddle says: {reason(exc)}") from exc
        results = list(made) if isinstance(made, (list, tuple)) else [made]
        built.made.update((name, one) for name, one in zip(node.output, results) if name)


def _arrays(graph: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    return {one.name: numpy_helper.to_array(one) for one in graph.initializer}


def _inner(attrs: dict[str, Any]) -> dict[str, Any]:
    """Return the constants that the bodies of an If hold themselves."""
    return {**_arrays(attrs["then_branch"]), **_arrays(attrs["else_branch"])}


def _branch(built: Graph, node: Any, attrs: dict[str, Any]) -> Any:
    """Build both bodies of an If; each sees the tensors around it and keeps its own to itself."""
    from modelport_onnx import graph as graphs

    def body(graph: Any) -> Any:
        def build() -> list[Any]:
            outer, placed = dict(built.made), dict(built.placed)
            built.held.update(_arrays(graph))
            walk(built, graph.node)
            made = [built.p.assign(built.tensor(value.name)) for value in graph.output]
            built.made, built.placed = outer, placed
            return made

        return build

    for name in sorted(graphs.outer_names(node) | set(_inner(attrs))):
        array = built.held.get(name, _inner(attrs).get(name))
        if array is not None and array.size > SMALL and array.dtype.kind == "f":
            built.outer.setdefault(name, built.parameter(array, name))
    test = built.p.reshape(built.tensor(node.input[0]), [1])
    made = built.p.static.nn.cond(test, body(attrs["then_branch"]), body(attrs["else_branch"]))
    return made if isinstance(made, (list, tuple)) else [made]
