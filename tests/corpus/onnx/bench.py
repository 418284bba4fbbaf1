"""What the facts of this folder stand on: jobs, runs and comparisons."""

import shutil
import sys
from pathlib import Path

import builders
import numpy as np

from modelport_onnx import graph as graphs
from modelport_onnx.shape import fix
from modelport_plugins.onnx import inspect, session
from modelport_sdk import Context, PluginError

ROOT = Path(sys.argv[1])


def context(name, shapes=None):
    job = ROOT / name
    shutil.rmtree(job, ignore_errors=True)
    for folder in ("in", "out", "tmp"):
        (job / folder).mkdir(parents=True)
    return Context(job, {"name": "model", "threads": 1, "shapes": shapes or {}})


def outputs(made, feeds, level="plain"):
    return session.runner(session.open_session(made.SerializeToString(), level=level))(feeds)


def same(before, after, feeds, drop=()):
    want = outputs(before, feeds, "unoptimised")
    got = outputs(after, {k: v for k, v in feeds.items() if k not in drop})
    assert list(want) == list(got)
    for name in want:
        assert want[name].shape == got[name].shape, name
        np.testing.assert_allclose(got[name], want[name], rtol=1e-5, atol=1e-6, err_msg=name)


def rewritten(name, step, expected=None):
    """Apply ``step`` to a built model; check count and outputs on three draws."""
    before = getattr(builders, name)()
    after = graphs.copy(before)
    fix(after, {k: v.shape for k, v in builders.feeds(before).items()})
    count = step(after)
    assert count if expected is None else count == expected, count
    for seed in range(3):
        same(before, after, builders.feeds(before, seed))
    return after


def inspected(name):
    ctx = context(name)
    builders.save(name, ctx.job / "in" / "model.onnx")
    return inspect.inspect_onnx.inspect(ctx.job / "in" / "model.onnx", ctx)


def refused(code, call, *args):
    try:
        call(*args)
    except PluginError as exc:
        if exc.code == code:
            return exc
        raise
    raise AssertionError("not refused")
