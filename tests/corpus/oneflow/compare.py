"""Converts unpacked graphs to ONNX and compares with OneFlow's outputs: ``python compare.py DIR``.

Runs in the environment ``base``. Prints one JSON object: the largest error of each graph's
outputs, relative to the output's scale, or the error that it was refused with.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "converters"))

from modelport_plugins.oneflow.graph import model
from modelport_sdk import PluginError


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


def main(root):
    found = {}
    for folder in sorted(root.iterdir()):
        try:
            found[folder.name] = error(folder)
        except PluginError as exc:
            found[folder.name] = f"{exc.code}: {exc}"
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
