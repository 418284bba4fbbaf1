"""Holds ONNX models against outputs that another runtime gave: ``python compare.py FOLDER``.

Runs in the environment ``base``; writes ``excess.json``: by model, the largest error in multiples
of ten float32 roundings of the output's scale.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

TOLERANCE = 10 * 2**-23


def main(folder):
    found = {}
    for path in sorted(folder.glob("*.onnx")):
        told = folder / f"{path.stem}.npz"
        if not told.is_file():
            continue
        with np.load(told) as archive:
            x, wanted = archive["x"], archive["y"]
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (got,) = session.run(None, {session.get_inputs()[0].name: x})
        assert got.shape == wanted.shape
        found[path.stem] = float(np.abs(got - wanted).max() / np.abs(wanted).max() / TOLERANCE)
    (folder / "excess.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
