"""Puts cases side by side into one graph: ``union.py FOLDER OUT NAME...``.

Every name of the i-th case is prefixed with ``ci_``; nothing is shared, so each case is
computed as it is alone. Writes OUT.onnx and OUT.npz. Runs in the environment ``base``.
"""

import sys
from pathlib import Path

import numpy as np
import onnx


def union(models):
    """Return one model with the graphs of all, at the newest of their operator sets.

    Every operator must have the same version there (``lifts`` in cases.py sees to it).
    """
    joined = onnx.ModelProto(ir_version=max(model.ir_version for model in models))
    versions = {}
    for entry in (entry for model in models for entry in model.opset_import):
        versions[entry.domain] = max(entry.version, versions.get(entry.domain, 0))
    joined.opset_import.extend(onnx.helper.make_opsetid(*entry) for entry in versions.items())
    joined.graph.name = "union"
    for index, model in enumerate(models):
        prefix(model.graph, f"c{index}_")
        for field in ("node", "input", "output", "initializer", "sparse_initializer", "value_info"):
            getattr(joined.graph, field).extend(getattr(model.graph, field))
    return joined


def prefix(graph, word):
    """Put ``word`` before every name in ``graph`` and in the graphs below it."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = word + value.name
        for dim in value.type.tensor_type.shape.dim if value.type.HasField("tensor_type") else ():
            if dim.dim_param:
                dim.dim_param = word + dim.dim_param
    for tensor in graph.initializer:
        tensor.name = word + tensor.name
    for tensor in graph.sparse_initializer:
        tensor.values.name = word + tensor.values.name
    for node in graph.node:
        node.name = word + node.name if node.name else ""
        node.input[:] = [word + name if name else "" for name in node.input]
        node.output[:] = [word + name if name else "" for name in node.output]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                prefix(inner, word)


def feeds(folder, names):
    """Return the cases' own inputs under their names in the union."""
    arrays = {}
    for index, name in enumerate(names):
        with np.load(folder / f"{name}.npz") as archive:
            arrays.update({f"c{index}_{key}": archive[key] for key in archive.files})
    return arrays


if __name__ == "__main__":
    place, out, listed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    onnx.save(union([onnx.load(place / f"{name}.onnx") for name in listed]), f"{out}.onnx")
    with Path(f"{out}.npz").open("wb") as file:
        np.savez(file, **feeds(place, listed))
