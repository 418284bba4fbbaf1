"""Writes the test models that the package onnx carries: ``operator_cases.py FOLDER CASES``.

Node cases come first by operator, at most CASES each, those on float32 before others; then
the graphs that were exported by others. Each gets NAME.onnx, NAME.npz (inputs by name) and
NAME.op (its operator). Runs in the environment ``base``.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

GRAPHS = ("simple", "pytorch-converted", "pytorch-operator")


def node_cases(limit):
    """Yield (operator, name, model, inputs) for up to ``limit`` cases an operator."""
    found = {}
    for case in load_model_tests(kind="node"):
        model = case.model
        if len(model.graph.node) == 1 and case.data_sets and not model.functions:
            found.setdefault(model.graph.node[0].op_type, []).append(case)
    for operator, cases in sorted(found.items()):
        for case in sorted(cases, key=_plainness)[:limit]:
            yield operator, case.name, case.model, case.data_sets[0][0]


def _plainness(case):
    """Order cases: float32 inputs first, then short names, which are the plain uses."""
    types = [value.type.tensor_type.elem_type for value in case.model.graph.input]
    return types[:1] != [TensorProto.FLOAT], len(case.name), case.name


def graphs():
    """Yield the same for graphs stored as files, with the inputs stored beside them."""
    for kind in GRAPHS:
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir)
            model = onnx.load(folder / "model.onnx")
            files = sorted((folder / "test_data_set_0").glob("input_*.pb"))
            values = [numpy_helper.to_array(onnx.load_tensor(file)) for file in files]
            yield f"({kind})", case.name, model, values


def write(folder, operator, name, model, values):
    """Write one case; inputs that are no plain tensor are left to the flow to draw or refuse."""
    onnx.save(model, folder / f"{name}.onnx")
    (folder / f"{name}.op").write_text(operator)
    weights = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in weights]
    arrays = [
        np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None
        for value in values
    ]
    if all(a is not None and a.dtype.kind in "fiub" for a in arrays) and len(arrays) == len(names):
        np.savez(folder / f"{name}.npz", **dict(zip(names, arrays, strict=True)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    into = Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    for row in (*node_cases(int(sys.argv[2])), *graphs()):
        write(into, *row)
