"""Converts the models of a folder: ``python convert.py MODULE NAME SUFFIX FOLDER [OPTIONS]``.

Runs in the environment of the edge ``NAME`` of ``modelport_plugins.tensorflow.MODULE``; writes
``answers.json``: ``{model: {"notes": [...]}}`` or ``{model: {"error": code, "operators": [...]}}``.
"""

import importlib
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "converters"))

from modelport_sdk import Context, PluginError  # not installed there


def main(module, name, suffix, folder, given="{}"):
    edge = getattr(importlib.import_module(f"modelport_plugins.tensorflow.{module}"), name)
    options = edge.options(**json.loads(given))
    answers = {}
    for path in sorted(folder.glob(f"*.{suffix}")):
        with tempfile.TemporaryDirectory() as job:
            (Path(job) / "tmp").mkdir()
            ctx = Context(Path(job), {"name": path.stem})
            try:
                edge.convert(path, folder, options, ctx)
                answers[path.stem] = {
                    "notes": ctx.notes,
                    "inputs": ctx.inputs,
                    "outputs": ctx.outputs,
                }
            except PluginError as exc:
                answers[path.stem] = {"error": exc.code, "operators": sorted(exc.operators)}
    (folder / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:4], Path(sys.argv[4]), *sys.argv[5:])
