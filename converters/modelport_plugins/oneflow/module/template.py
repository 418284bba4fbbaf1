"""The text of a model.py: everything but its layers and its forward.

One file runs under PyTorch and under OneFlow, whose names for these things are the same. Weights
lie beside it in a folder that ``oneflow.load`` reads as a state_dict.
"""

from __future__ import annotations

HEAD = '''"""A model written from ONNX by modelport; runs under PyTorch and under OneFlow.

    import this_file
    model = this_file.load("folder of weights")
    output = model(this_file.T.tensor(array))

MODEL_FRAMEWORK=oneflow or torch chooses; else it is the one that is imported already, or PyTorch.
"""

import importlib
import os
import re
import sys

import numpy as np

FRAMEWORK = os.environ.get("MODEL_FRAMEWORK", "oneflow" if "oneflow" in sys.modules else "torch")
T = importlib.import_module(FRAMEWORK)
nn = T.nn
F = T.nn.functional
KINDS = {
    "kFloat": "float32", "kDouble": "float64", "kInt8": "int8", "kInt32": "int32",
    "kInt64": "int64", "kUInt8": "uint8", "kFloat16": "float16", "kBool": "bool",
}


def load(folder):
    """Return the model with the weights in ``folder``, ready to run."""
    model = Model()
    state = {}
    for name in os.listdir(folder):
        if os.path.isdir(os.path.join(folder, name)):
            with open(os.path.join(folder, name, "meta")) as stream:
                meta = stream.read()
            kind = KINDS[re.search(r"data_type: (\\w+)", meta)[1]]
            shape = [int(size) for size in re.findall(r"dim: (\\d+)", meta)]
            array = np.fromfile(os.path.join(folder, name, "out"), kind).reshape(shape)
            state[name] = T.tensor(array)
    model.load_state_dict(state)
    return model.eval()


'''
CLASS = '''class Model(nn.Module):
    """Inputs and outputs: name in the source, name here, type, shape."""

'''
INIT = """
    def __init__(self):
        super().__init__()
"""


def render(
    ports: dict[str, list[tuple[str, str, str, list[int]]]], init: list[str], body: list[str]
) -> str:
    """Return the file; ``ports`` has ``inputs`` and ``outputs``."""
    text = HEAD + CLASS
    for kind, entries in ports.items():
        text += f"    {kind.upper()} = [\n"
        text += "".join(f"        {entry!r},\n" for entry in entries)
        text += "    ]\n"
    text += INIT + "".join(f"        {line}\n" for line in init)
    arguments = ", ".join(entry[1] for entry in ports["inputs"])
    text += f"\n    def forward(self, {arguments}):\n" + "".join(
        f"        {line}\n" for line in body
    )
    results = ", ".join(entry[1] for entry in ports["outputs"])
    return text + f"        return {results}\n"
