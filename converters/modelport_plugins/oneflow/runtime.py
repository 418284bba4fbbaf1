"""Runs a saved nn.Graph in OneFlow itself, on the CPU.

OneFlow 0.9.0 loads such a folder in its C++ interface only (``oneflow_api::Graph::Load``). The
steps are the same here, by the internals that ``nn.Graph`` uses: OneFlow's own reader of the text,
a job in a fresh context, variables registered from disk, the compiled job run. Our reader takes
part in nothing but the order of inputs and outputs, so this is a reference and no mirror.
Source: OneFlow 0.9.0, ``oneflow/api/cpp/framework/graph.cpp`` and ``nn/graph/graph.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.oneflow import variable
from modelport_plugins.oneflow.graph import ordered, ports
from modelport_plugins.oneflow.library import library
from modelport_plugins.oneflow.mlir import Operation, read
from modelport_sdk import Context, UnsupportedFeature, change, runtime
from modelport_sdk.plugins import Session

NUMBERS = itertools.count()
TITLE = "OneFlow 0.9.0"


@runtime(format="oneflow", env="oneflow", title=TITLE, variants=change.VARIANTS)
def load(model: Path, variant: str, ctx: Context) -> Session:
    """Load for the shapes that the graph was compiled for.

    Raises:
        CorruptModel: The graph or a variable is damaged.
        UnsupportedFeature: OneFlow cannot build it here: a graph for CUDA, for example.
    """
    library(ctx.threads)
    operations = read(model)
    held = {
        one.name: variable.load(model.parent, one.name)
        for one in operations
        if one.kind == "variable"
    }
    change.alter(held, variant)
    try:
        run = _compiled(model, operations, held)
    except Exception as exc:  # classes of the runtime's own, with no common base
        raise UnsupportedFeature(f"OneFlow cannot build this graph: {last_line(exc)}") from exc
    inputs, outputs = ports(operations)

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        made = run([_fitting(port, feeds[port["name"]]) for port in inputs])
        return {port["name"]: array for port, array in zip(outputs, made)}

    return session


def last_line(exc: BaseException) -> str:
    """Return the last line of a OneFlow error that says something: the first ones are C++ files."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("File ", "Error Type"))]
    return (said or lines or [type(exc).__name__])[-1][:300]


def _fitting(port: dict[str, Any], value: Any) -> Any:
    """Return the array, whose shape must be the compiled one: OneFlow would read past its end.

    Raises:
        ValueError: It is of another shape.
    """
    import numpy as np

    array = np.ascontiguousarray(value)
    if list(array.shape) != port["shape"] and list(np.shape(value)) != port["shape"]:
        raise ValueError(f"{port['name']} takes {port['shape']} only, not {list(array.shape)}")
    return array.reshape(port["shape"])


def _compiled(model: Path, operations: list[Operation], held: Mapping[str, Any]) -> Any:
    """Return a function from the input arrays to the output arrays."""
    import oneflow as flow
    from oneflow import _oneflow_internal as internal
    from oneflow.framework import graph_build_util, session_context
    from oneflow.framework.tensor_tuple_util import convert_to_tensor_tuple as gathered

    job = _job(model)
    session = session_context.GetDefaultSession()
    session.TryInit()
    names = {kind: [one.name for one in ordered(kind, operations)] for kind in ("input", "output")}
    fed = [_empty(one) for one in ordered("input", operations)]
    made = gathered([_empty(one) for one in ordered("output", operations)])
    weights = gathered([flow.tensor(array) for array in held.values()])
    with graph_build_util.graph_build_context(job.job_conf, session):
        scope = internal.GetCurrentScope().symbol_id
        for operator in job.net.op:
            operator.scope_symbol_id = (
                scope  # those of the file belong to the process that saved it
            )
        number = internal.JobBuildAndInferCtx_GetCurrentJobId()
        context = session._session_ctx  # noqa: SLF001  # as nn.Graph itself does
        graph = internal.nn.graph.CNNGraph(
            job.job_conf.job_name, job.SerializeToString(), number, context
        )
        graph.register_input_op_names_and_tensors(names["input"], gathered(fed))
        graph.register_output_op_names_and_tensors(names["output"], made)
        graph.register_variable_op_names_and_tensors(list(held), weights)
    internal.eager.Sync()
    graph.complie_and_init_runtime()  # OneFlow's spelling

    def run(arrays: list[Any]) -> list[Any]:
        values = gathered([flow.tensor(array) for array in arrays])
        internal.nn.graph.RunLazyNNGraph(values, made, weights, graph)
        copies = [tensor.numpy().copy() for tensor in made]
        # Behind the reading, as in nn.Graph: the next run needs the outputs back from whoever
        # read them, else OneFlow's threads end the process now and then.
        internal.nn.graph.SoftSyncNNGraphBuffers(made, graph)
        return copies

    return run


def _job(model: Path) -> Any:
    """Return OneFlow's own reading of the text, under a name that this process has not used."""
    from oneflow import _oneflow_internal as internal
    from oneflow.core.job import job_pb2

    job = job_pb2.Job()
    job.ParseFromString(internal.nn.graph.LoadSerializedJobFromIR(str(model)))
    job.job_conf.job_name = f"modelport_{next(NUMBERS)}"
    job.job_conf.predict_conf.SetInParent()
    return job


def _empty(operation: Operation) -> Any:
    import oneflow as flow

    from modelport_plugins.oneflow.graph import element

    return flow.empty(operation.result_types[0].shape, dtype=getattr(flow, element(operation)))
