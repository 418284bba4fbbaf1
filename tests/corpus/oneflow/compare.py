"""Converts unpacked graphs to ONNX and compares with OneFlow's outputs: ``python compare.py DIR``.

Runs in the environment ``base``. Prints one JSON object: the largest error of each graph's
outputs, relative to the output's scale, or the error that it was refused with. Then writes each
ONNX model as a model.py to ``DIR/NAME/code``, for modules.py to run.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "converters"))

from modelport_plugins.oneflow.from_onnx import onnx_to_oneflow_code
from modelport_plugins.oneflow.graph import model
from modelport_sdk import Context, PluginError


def error(folder):
    """Return how far ONNX Runtime is from OneFlow; a text where shapes or types differ."""
    made = model(folder / "graph" / "model.mlir")
    onnx.checker.check_model(made, full_check=True)
    with np.load(folder / "io.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    feeds = {f"input_{k}": arrays[f"x{k}"] for k in range(len(session.get_inputs()))}
    worst = 0.0
    for place, got in enumerate(session.run(None, feeds)):
        want = arrays[f"y{place}"]
        if got.shape != want.shape or got.dtype != want.dtype:
            return f"{got.dtype}{got.shape} in place of {want.dtype}{want.shape}"
        far = np.abs(got.astype(np.float64) - want.astype(np.float64)).max(initial=0)
        worst = max(
            worst, float(far) / max(float(np.abs(want.astype(float)).max(initial=0)), 1e-30)
        )
    return worst


def write(folder):
    """Write the graph as a model.py; return the code of the error that it was refused with."""
    onnx.save(model(folder / "graph" / "model.mlir"), folder / "net.onnx")
    (folder / "code").mkdir()
    try:
        ctx = Context(folder, {"name": "net"})
        onnx_to_oneflow_code.convert(folder / "net.onnx", folder / "code", None, ctx)
    except PluginError as exc:
        return exc.code
    return ""


def main(root):
    found = {"error": {}, "refused": {}}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        try:
            found["error"][folder.name] = error(folder)
            found["refused"][folder.name] = write(folder)
        except PluginError as exc:
            found["error"][folder.name] = f"{exc.code}: {exc}"
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
