"""Converts the models of a folder of folders to ONNX: ``python convert_keras.py FOLDER``.

Runs in the environment ``tensorflow``; writes ``NAME/net.onnx``, and ``answers.json``.
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "converters"))

from modelport_plugins.tensorflow import inspect, program, runtime, to_onnx
from modelport_sdk import Context, NoOptions, PluginError  # not installed there

MAINS = ("saved_model.pb", "net.pb", "net.keras", "net.h5")


def one(source, folder):
    with tempfile.TemporaryDirectory() as job:
        (Path(job) / "tmp").mkdir()
        ctx = Context(Path(job), {"name": "net"})
        try:
            told = inspect._described("any", program.load(source, ctx))
            to_onnx.convert(source, folder, NoOptions(), ctx)
        except PluginError as exc:
            return {"error": exc.code, "operators": sorted(exc.operators)}
        session = runtime.load(source, "plain", ctx)
    return {"outputs": [port["name"] for port in told["outputs"]], "ran": _ran(session, folder)}


def _ran(session, folder):
    """Return how far our runtime is from Keras itself, in float32 roundings of the scale."""
    import numpy as np

    with np.load(folder / "case.npz") as archive:
        told = {str(name): archive[str(i)] for i, name in enumerate(archive["names"])}
    feeds = {name[3:]: array for name, array in told.items() if name.startswith("in ")}
    wanted = [array for name, array in told.items() if name.startswith("out ")]
    got = list(session(feeds).values())
    errors = [abs(g - w).max() / abs(w).max() for g, w in zip(got, wanted, strict=True)]
    return float(max(errors) / 2**-23)


if __name__ == "__main__":
    root, answers = Path(sys.argv[1]), {}
    # What is looked up before anything was converted must not depend on what was.
    folders = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.name != "graph")
    for folder in folders:
        source = next(folder / name for name in MAINS if (folder / name).is_file())
        answers[folder.name] = one(source, folder)
    (root / "answers.json").write_text(json.dumps(answers))
