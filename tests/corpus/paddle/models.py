"""Writes the small ONNX models of tests/corpus: ``python models.py FOLDER``, in `base`."""

import sys
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import targets

if __name__ == "__main__":
    for name, model in targets.models().items():
        onnx.save(model, str(Path(sys.argv[1]) / f"{name}.onnx"))
