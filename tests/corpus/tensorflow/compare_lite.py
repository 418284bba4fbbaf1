"""Holds TFLite models against what ONNX Runtime gave: ``python compare_lite.py FOLDER UNITS``.

Runs in the environment ``litert``; layouts and names are those that the converter declared. Writes
``excess.json``: by model, the largest error in multiples of ``UNITS`` float32 roundings of the
output's scale.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def turned(array, axes):
    return array.transpose(axes) if axes else array


def main(folder, units):
    found = {}
    answers = json.loads((folder / "answers.json").read_text())
    for path in sorted(folder.glob("*.tflite")):
        with np.load(folder / f"{path.stem}.npz") as archive:
            told = {str(name): archive[str(i)] for i, name in enumerate(archive["names"])}
        declared = answers[path.stem]
        runner = Interpreter(model_path=str(path), num_threads=1)
        runner.allocate_tensors()
        inputs = {one["name"]: one["index"] for one in runner.get_input_details()}
        outputs = {one["name"]: one["index"] for one in runner.get_output_details()}
        for port in declared["inputs"]:
            if port["target"] is not None:
                given = turned(told[f"in {port['source']}"], port["axes"])
                runner.set_tensor(inputs[port["target"]], given)
        runner.invoke()
        worst = 0.0
        for port in declared["outputs"]:
            wanted = turned(told[f"out {port['source']}"], port["axes"])
            got = runner.get_tensor(outputs[port["target"]])
            assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
            worst = max(worst, float(np.abs(got - wanted).max() / np.abs(wanted).max()))
        found[path.stem] = worst / (units * 2**-23)
    (folder / "excess.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
