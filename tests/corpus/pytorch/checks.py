"""Runs the rows of rows.toml in the environment `base`; writes answer.json.

python tests/corpus/pytorch/checks.py FOLDER
"""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[2] / "converters")]
TOLERANCE = 1e-4  # of the largest output; float32 noise of these networks stays below 1e-6
MODULES = ("from_torchscript", "from_pt2", "from_onnx", "from_onnx_tools")


def converters() -> dict[str, Any]:
    """Return the edges of the plugin by id."""
    from modelport_sdk import Converter

    found = {}
    for name in MODULES:
        module = importlib.import_module(f"modelport_plugins.pytorch.{name}")
        found.update({v.id: v for v in vars(module).values() if isinstance(v, Converter)})
    return found


def branch() -> Any:
    """A data-dependent If: doubles or negates."""
    import onnx

    return onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        branch (float[N, 3] x) => (float[N, 3] y) {
          total = ReduceSum <keepdims = 0> (x)
          zero = Constant <value = float {0.0}> ()
          above = Greater (total, zero)
          y = If (above) <
            then_branch = then_graph () => (float[N, 3] a) { a = Add (x, x) },
            else_branch = else_graph () => (float[N, 3] b) { b = Neg (x) }>
        }"""
    )


def loop() -> Any:
    """A Loop, which has no counterpart."""
    import onnx

    return onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        looped (float[2, 3] x, int64 count) => (float[2, 3] y) {
          yes = Constant <value = bool {1}> ()
          y = Loop (count, yes, x) <body = step (int64 i, bool c, float[2, 3] s)
            => (bool d, float[2, 3] t) { d = Identity (c)  t = Add (s, s) }>
        }"""
    )


def binarizer() -> Any:
    """An operator of a published domain that is not the main one."""
    import onnx

    return onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 1]>
        binarizer (float[2, 3] x) => (float[2, 3] y) { y = ai.onnx.ml.Binarizer (x) }"""
    )


MADE = {"branch": branch, "loop": loop, "binarizer": binarizer}


def source_file(source: str, folder: Path) -> Path:
    """Build the source of a row."""
    import builders
    import onnx

    kind, _, name = source.partition(":")
    if kind == "pt2":
        return builders.exported(name, folder)
    if kind == "scripted":
        return builders.scripted(name, folder)
    if kind == "torchscript":
        return builders.torchscript(name, folder)
    path = folder / f"{name}.onnx"
    if name in MADE:
        onnx.save(MADE[name](), path)
        return path
    builders.onnx_file(name, path)
    return path


def session(kind: str, path: Path, ctx: Any) -> Any:
    """Return a function from feeds by name to outputs by name."""
    if kind != "onnx":
        from modelport_plugins.pytorch import runtime

        runner = runtime.run_torchscript if kind == "torchscript" else runtime.run_pt2
        return runner.load(path, "plain", ctx)
    import onnxruntime

    model = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in model.get_outputs()]
    return lambda feeds: dict(zip(names, model.run(None, dict(feeds)), strict=True))


def cases(kind: str, path: Path, name: str) -> list[dict[str, Any]]:
    """Return feeds of batch 1, twice, by the names that the source has."""
    import builders
    import numpy as np

    if name == "branch":
        return [{"x": np.full((2, 3), sign, np.float32)} for sign in (1.5, -1.5)]
    _, example = builders.model(name)
    if kind == "onnx":
        names = ["x"]
    elif kind == "pt2":
        from modelport_plugins.pytorch.program import load_program, user_inputs

        names = [item for item, _ in user_inputs(load_program(path))]
    else:
        from modelport_plugins.pytorch.port import arguments
        from modelport_plugins.pytorch.script import load_script

        names = [leaf for fed in arguments(load_script(path)) for leaf in fed.leaves]
    first = [tensor.numpy() for tensor in example]
    second = [a if a.dtype.kind == "i" else a * np.float32(-0.5) for a in first]
    return [dict(zip(names, arrays, strict=True)) for arrays in (first, second)]


def answer(row: dict[str, str], edges: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what became of one row."""
    import numpy as np

    from modelport_sdk import Context, PluginError
    from modelport_sdk.options import build

    (folder / "tmp").mkdir(parents=True)
    (folder / "out").mkdir()
    kind, _, name = row["source"].partition(":")
    target, _, variant = row["target"].partition(".")
    format = "torchscript" if kind == "scripted" else kind
    edge = edges[f"{format}-to-{target}" + (f".{variant}" if variant else "")]
    path = source_file(row["source"], folder)
    feeds = [] if name in {"loop", "binarizer"} else cases(kind, path, name)
    shapes = {key: list(array.shape) for key, array in (feeds[0] if feeds else {}).items()}
    ctx = Context(folder, {"name": "result", "shapes": shapes})
    try:
        edge.convert(path, folder / "out", build(edge.options, {}), ctx)
    except PluginError as exc:
        return {"error": exc.code, "operators": exc.operators}
    result = next(p for p in (folder / "out").iterdir() if p.name.startswith("result."))
    before, after = session(format, path, ctx), session(target, result, ctx)
    inputs = {port["source"]: port["target"] for port in ctx.inputs}
    outputs = {port["source"]: port["target"] for port in ctx.outputs}
    worst = 0.0
    for fed in feeds:
        want = before(fed)
        got = after({inputs.get(key, key): array for key, array in fed.items()})
        for key, array in want.items():
            other = got[outputs.get(key, key)]
            same = array.shape == other.shape and array.dtype == other.dtype
            scale = max(float(np.abs(array).max()), 1e-6)
            worst = max(worst, float(np.abs(array - other).max()) / scale if same else 1e9)
    return {"verdict": "verified" if worst < TOLERANCE else f"different: {worst:.2g}"}


def main(argv: list[str]) -> None:
    """Answer every row."""
    warnings.simplefilter("ignore")
    folder = Path(argv[0])
    rows = tomllib.loads((FOLDER / "rows.toml").read_text("utf-8"))["row"]
    edges = converters()
    answers = [answer(row, edges, folder / str(index)) for index, row in enumerate(rows)]
    (folder / "answer.json").write_text(json.dumps(answers), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
