"""Facts about the ONNX plugin and shelf: ``python checks.py FOLDER`` prints what failed.

Runs in the environment ``base``, with ``converters`` on the path; prints one JSON object
of check to traceback ("" where it holds). Each function ``check_*`` states one fact.
"""

import json
import tomllib
import traceback
from pathlib import Path

import builders
import numpy as np
import onnx
import plugin
import quantised
import rewrites
from bench import ROOT, context, outputs, refused

from modelport_onnx import graph as graphs
from modelport_plugins.onnx import runtime, to_ort
from modelport_plugins.onnx.passes import (
    decompose as decompose_pass,
)
from modelport_plugins.onnx.passes import (
    fix_shapes,
    fp16,
    free_shapes,
    infer_shapes,
    int8_dynamic,
    int8_static,
    normalise,
    opset,
    optimise,
    simplify,
    slim,
    specialise,
)
from modelport_sdk import Converter
from modelport_sdk.options import build

PASSES = [
    decompose_pass, fix_shapes, fp16, free_shapes, infer_shapes, int8_dynamic, int8_static,
    normalise, opset, optimise, simplify, slim, specialise, to_ort,
]  # fmt: skip
CONVERTERS = {
    f"{c.target}.{c.variant}".rstrip("."): c
    for module in PASSES
    for c in vars(module).values()
    if isinstance(c, Converter)
}


def row(entry):
    """Run one row of rows.toml."""
    name = entry["source"].partition(":")[2]
    made = getattr(quantised if hasattr(quantised, name) else builders, name)()
    feeds = builders.feeds(made)
    ctx = context("row", {name: value.shape for name, value in feeds.items() if value.ndim})
    path = ctx.job / "in" / "model.onnx"
    onnx.save(made, str(path))
    if "calibration" in entry:
        draws = [builders.feeds(made, seed) for seed in range(entry["calibration"])]
        np.savez(
            ctx.job / "in" / "calibration.npz",
            **{name: np.concatenate([draw[name] for draw in draws]) for name in feeds},
        )
    converter = CONVERTERS[entry["target"]]
    options = build(converter.options, entry.get("options", {}))
    expect = entry["expect"]
    call = (converter.convert, path, ctx.job / "out", options, ctx)
    if "error" in expect:
        exc = refused(expect["error"], *call)
        assert list(exc.operators) == expect.get("operators", []), exc.operators
        return
    call[0](*call[1:])
    (written,) = (ctx.job / "out").iterdir()
    if expect.get("unchanged"):
        assert graphs.operator_counts(graphs.load(written)) == graphs.operator_counts(made)
        return
    load = runtime.run_ort if entry["target"] == "ort" else runtime.run_onnx
    want = outputs(made, feeds, "unoptimised")
    got = load.load(written, "plain", ctx)(feeds)
    assert list(got) == list(want)
    limit = {"verified": 1e-5, "alike": 0.1}[expect["verdict"]]
    for name in want:
        assert np.abs(got[name] - want[name]).max() <= limit * np.abs(want[name]).max(), name


def main():
    table = tomllib.loads(Path(__file__).with_name("rows.toml").read_text("utf-8"))["row"]
    facts = {**vars(rewrites), **vars(plugin)}
    calls = {name: fact for name, fact in facts.items() if name.startswith("check_")}
    calls.update((f"row-{k}", lambda entry=entry: row(entry)) for k, entry in enumerate(table))
    found = {}
    for name, call in calls.items():
        try:
            call()
            found[name] = ""
        except Exception:  # noqa: BLE001  # every failure is reported, none ends the run
            found[name] = traceback.format_exc()
    (ROOT / "checks.json").write_text(json.dumps(found), "utf-8")


main()
