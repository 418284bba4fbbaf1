"""Holds ONNX models against what Keras gave: ``python compare_keras.py FOLDER``.

Runs in the environment ``base``; writes ``excess.json``, as compare.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

TOLERANCE = 10 * 2**-23


def main(root):
    found = {}
    for path in sorted(root.glob("*/net.onnx")):
        with np.load(path.with_name("case.npz")) as archive:
            told = {str(name): archive[str(i)] for i, name in enumerate(archive["names"])}
        feeds = {name[3:]: array for name, array in told.items() if name.startswith("in ")}
        wanted = [array for name, array in told.items() if name.startswith("out ")]
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        got = session.run(None, feeds)
        errors = [np.abs(g - w).max() / np.abs(w).max() for g, w in zip(got, wanted, strict=True)]
        found[path.parent.name] = float(max(errors) / TOLERANCE)
    (root / "excess.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
