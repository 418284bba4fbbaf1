"""Writes the test models that the package onnx carries: ``cases.py FOLDER``.

Each gets NAME.onnx; NAME.npz and NAME.expected.npz (its own inputs and outputs by name)
where these are plain arrays; and a line in index.json. Runs in the environment ``base``.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import DATA_DIR, load_model_tests

GRAPHS = ("simple", "pytorch-converted", "pytorch-operator", "real")
PLAIN = frozenset(
    getattr(TensorProto, name)
    for name in (
        "FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "INT16", "INT32", "INT64",
        "UINT8", "UINT16", "UINT32", "UINT64",
    )
)  # fmt: skip
"""Types that a NumPy array holds without a package of its own."""


def node_cases():
    """Yield (kind, case, model, (inputs, outputs)) for the cases of one operator."""
    for case in load_model_tests(kind="node"):
        yield "node", case, case.model, case.data_sets[0]


def graphs():
    """Yield the same for the models stored as files; those without weights have no inputs."""
    for kind in GRAPHS:
        for case in sorted(load_model_tests(kind=kind), key=lambda case: case.name):
            if case.model_dir is None:
                light = Path(DATA_DIR) / "light" / f"light_{case.model_name}.onnx"
                yield kind, case, onnx.load(light), (None, None)
                continue
            folder = Path(case.model_dir)
            data = folder / "test_data_set_0"
            told = (_read(data, "in"), _read(data, "out"))
            yield kind, case, onnx.load(folder / "model.onnx"), told


def _read(folder, which):
    files = sorted(folder.glob(f"{which}put_*.pb"), key=lambda f: int(f.stem.split("_")[1]))
    values = []
    for file in files:
        tensor = TensorProto()
        tensor.ParseFromString(file.read_bytes())
        values.append(numpy_helper.to_array(tensor) if tensor.data_type in PLAIN else None)
    return values


def write(folder, kind, case, model, data):
    """Write one case and return its line of the index."""
    onnx.save(model, folder / f"{case.name}.onnx")
    values, expected = data
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    outputs = list(model.graph.output)
    fed = _save(folder / f"{case.name}.npz", inputs, values)
    told = _save(folder / f"{case.name}.expected.npz", outputs, expected)
    ports = [*inputs, *outputs]
    operators = sorted({node.op_type for node in model.graph.node})
    return {
        "name": case.name,
        "kind": kind,
        "operator": operators[0] if len(model.graph.node) == 1 else "",
        "operators": operators,
        "opsets": sorted((entry.domain, entry.version) for entry in model.opset_import),
        "lifts": lifts(model),
        "rtol": case.rtol,
        "atol": case.atol,
        "types": sorted({_type(value.type) for value in ports}),
        "plain": fed and told and not model.functions and all(map(_plain, ports)),
        "weights": bool(weights) or "Constant" in operators,
        "inputs": [value.name for value in inputs],
        "outputs": [value.name for value in outputs],
    }


def lifts(model):
    """Return the newest operator set at which every operator has the version that it has here.

    The number of a model may be raised as far without a change of meaning: ONNX defines an
    operator at set N as its newest version up to N.
    """
    imports = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    here = imports.get("ai.onnx", 1)
    names = {node.op_type for node in _nodes(model.graph) if node.domain in ("", "ai.onnx")}
    newest = onnx.defs.onnx_opset_version()
    for higher in range(here, newest):
        if any(_since(name, higher + 1) != _since(name, here) for name in names):
            return higher
    return max(here, newest)


def _nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _since(name, version):
    try:
        return onnx.defs.get_schema(name, version, "").since_version
    except onnx.defs.SchemaError:
        return None


def _type(kind):
    which = kind.WhichOneof("value")
    name = which.removesuffix("_type")
    return TensorProto.DataType.Name(kind.tensor_type.elem_type) if name == "tensor" else name


def _plain(value):
    kind = value.type
    return kind.WhichOneof("value") == "tensor_type" and kind.tensor_type.elem_type in PLAIN


def _save(path, ports, values):
    """Save the arrays by name; return whether all of them are plain ones."""
    if values is None or len(values) != len(ports) or not all(map(_plain, ports)):
        return False
    values = [
        numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
        for value in values
    ]
    if not all(isinstance(value, np.ndarray | np.generic | bool | int | float) for value in values):
        return False
    arrays = {
        port.name: np.asarray(
            value, onnx.helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type)
        )
        for port, value in zip(ports, values, strict=True)
    }
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    return True


def operator(line, lines):
    """Return the operator a case is about: an expanded case is about the one it expands."""
    if line["operator"] or line["kind"] != "node":
        return line["operator"] or f"({line['kind']})"
    plain = lines.get(line["name"].partition("_expanded")[0])
    if plain is not None and plain is not line and plain["operator"]:
        return f"{plain['operator']} (as a function)"
    return "+".join(line["operators"][:3])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    into = Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    index = {row[1].name: write(into, *row) for row in (*node_cases(), *graphs())}
    for entry in index.values():
        entry["operator"] = operator(entry, index)
    (into / "index.json").write_text(json.dumps(list(index.values()), indent=1), "utf-8")
