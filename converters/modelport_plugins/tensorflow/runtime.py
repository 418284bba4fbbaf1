"""Runs TensorFlow and Keras models with TensorFlow, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow import program
from modelport_sdk import Context, runtime
from modelport_sdk.plugins import Session

FAULTS = 5  # enough for the self-test of the rule, see docs/verification.md
FACTOR = 1.01
VARIANTS = ("unoptimised", "weights-ulp", "weights-fp16", "fault")
TITLE = "TensorFlow"


def load(model: Path, variant: str, ctx: Context) -> Session:
    """Load ``model``; ``unoptimised`` is without Grappler, which rewrites graphs.

    Raises:
        UnsafeModel, CorruptModel: See ``program``.
        LookupError: There is no such variant.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": variant == "unoptimised"}
    )
    if variant in ("plain", "unoptimised"):
        return program.load(model, ctx).run
    return program.load(model, ctx, lambda weights: _edit(weights, variant)).run


def _edit(weights: list[Any], variant: str) -> None:
    """Edit what has two axes and more, and is not all zero."""
    import numpy as np

    kind, _, number = variant.partition(":")
    found = [one for one in weights if one.numpy().ndim > 1 and one.numpy().any()]
    if not found:
        raise LookupError("the model has no float weight of two axes")
    if kind == "fault":
        chosen = (
            found
            if len(found) <= FAULTS
            else [found[round(k * (len(found) - 1) / (FAULTS - 1))] for k in range(FAULTS)]
        )
        if not number.isdigit() or int(number) >= len(chosen):
            raise LookupError(f"{len(chosen)} faults can be planted, {variant} is none of them")
        one = chosen[int(number)]
        one.assign(one.numpy() * one.numpy().dtype.type(FACTOR))
        return
    top = np.finfo(np.float16).max
    rules: dict[str, Callable[[Any, int], Any]] = {
        "weights-ulp": _jittered,
        "weights-fp16": lambda values, _: np.clip(values, -top, top).astype(np.float16),
    }
    if kind not in rules:
        raise LookupError(f"no variant {variant}")
    for seed, one in enumerate(found):
        values = one.numpy()
        one.assign(rules[kind](values, seed).astype(values.dtype))


def _jittered(values: Any, seed: int) -> Any:
    import numpy as np

    up = np.random.default_rng(seed).random(values.shape) < 0.5
    return np.nextafter(values, np.where(up, np.inf, -np.inf).astype(values.dtype))


run_saved_model = runtime(format="savedmodel", env="tensorflow", title=TITLE, variants=VARIANTS)(
    load
)
run_keras = runtime(format="keras", env="tensorflow", title=TITLE, variants=VARIANTS)(load)
run_keras_h5 = runtime(format="keras-h5", env="tensorflow", title=TITLE, variants=VARIANTS)(load)
run_graph = runtime(format="tf-graph", env="tensorflow", title=TITLE, variants=VARIANTS)(load)
