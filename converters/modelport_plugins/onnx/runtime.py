"""ONNX Runtime for ``.onnx`` and ``.ort`` files, with the variants that verification asks for.

Variants that change weights edit the message and load it from memory: a session's
``add_initializer`` would leave weights alone that sit in Constant nodes or in branches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelport_onnx import external, weights
from modelport_onnx import graph as graphs
from modelport_plugins.onnx import large, session
from modelport_sdk import Context, runtime

FAULTS = 5  # enough for the self-test of the rule, see docs/verification.md
FACTOR = 1.01
VARIANTS = ("unoptimised", "basic", "weights-ulp", "weights-fp16", "fault")


@runtime(format="onnx", title="ONNX Runtime", variants=VARIANTS)
def run_onnx(model: Path, variant: str, ctx: Context) -> Any:
    """Load ``model``; above 1.5 GB a few weights are replaced at load instead of edited."""
    if variant in session.LEVELS:
        return session.runner(_plain(model, variant, ctx.threads))
    proto = graphs.load(model, weights=False)
    size = external.size(proto) + graphs.weight_bytes(proto)
    if size >= graphs.EXTERNAL_LIMIT:
        edit = _scaled if variant.startswith("fault") else jittered
        changed = large.replacements(proto, model, variant, edit, FAULTS)
        return session.runner(session.open_session(model, threads=ctx.threads, changed=changed))
    proto = graphs.load(model)
    _edit(proto, variant)
    data = proto.SerializeToString()
    del proto
    return session.runner(session.open_session(data, threads=ctx.threads))


@runtime(format="ort", title="ONNX Runtime")
def run_ort(model: Path, variant: str, ctx: Context) -> Any:
    """Load ``model``, which was optimised when it was written."""
    if variant != "plain":
        raise LookupError(f"an .ort file has no variant {variant}")
    return session.runner(session.open_session(model, threads=ctx.threads))


def _plain(model: Path, level: str, threads: int) -> Any:
    try:
        return session.open_session(model, level=level, threads=threads)
    except Exception as exc:  # a class of the runtime's own, with no common base
        proto = graphs.load(model, weights=False)
        if "ir version" not in str(exc).lower() or external.entries(proto):
            raise
        # The number says which features the file may use; those of newer ones are
        # refused by name if it does use them.
        proto.ir_version = min(proto.ir_version, 10)
        return session.open_session(proto.SerializeToString(), level=level, threads=threads)


def _edit(proto: Any, variant: str) -> None:
    kind, _, number = variant.partition(":")
    if kind == "fault":
        chosen = weights.faults(proto, FAULTS)
        if not number.isdigit() or int(number) >= len(chosen):
            raise LookupError(f"{len(chosen)} faults can be planted, {variant} is none of them")
        tensor = chosen[int(number)].tensor
        weights.replace(tensor, weights.array(tensor) * FACTOR)
        return
    if kind not in {"weights-ulp", "weights-fp16"}:
        raise LookupError(f"no variant {variant}")
    found = list(weights.weights(proto))
    if not found:
        raise LookupError("the graph multiplies by no float constant")
    for index, weight in enumerate(found):
        values = weights.array(weight.tensor)
        moved = rounded(values) if kind == "weights-fp16" else jittered(values, index)
        weights.replace(weight.tensor, moved)


def _scaled(values: Any, seed: int) -> Any:
    return (values * FACTOR).astype(values.dtype)


def jittered(values: Any, seed: int) -> Any:
    """Return ``values`` moved by one unit in the last place, up or down at random."""
    import numpy as np

    up = np.random.default_rng(seed).random(values.shape) < 0.5
    target = np.where(up, np.inf, -np.inf).astype(values.dtype)
    return np.nextafter(values, target)


def rounded(values: Any) -> Any:
    """Return ``values`` through float16 and back; what it cannot hold stays at its largest."""
    import numpy as np

    top = np.finfo(np.float16).max
    return np.clip(values, -top, top).astype(np.float16).astype(values.dtype)
