"""Runs a TFLite model with LiteRT, on the CPU.

``plain`` is LiteRT as it comes, with XNNPACK; ``basic`` its own kernels without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow.lite import constant, schema
from modelport_sdk import Context, runtime
from modelport_sdk.plugins import Session

FAULTS = 5  # enough for the self-test of the rule, see docs/verification.md
FACTOR = 1.01
VARIANTS = ("basic", "weights-ulp", "weights-fp16", "fault")


@runtime(format="tflite", env="litert", title="LiteRT", variants=VARIANTS)
def load(model: Path, variant: str, ctx: Context) -> Session:
    """Load ``model``; each case begins with fresh state.

    Raises:
        CorruptModel: The file is damaged.
        LookupError: There is no such variant.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    data = bytearray(model.read_bytes())
    with schema.damage():
        opened = schema.opened(data)
        inputs, outputs = schema.ports(opened.Subgraphs(0))
        stateful = any(op.kind == "VAR_HANDLE" for op in schema.operators(opened))
        if variant not in ("plain", "basic"):
            _edit(opened, variant)
    # A file is mapped, so that several processes share it; edits are in memory.
    given = {"model_path": str(model)} if variant in ("plain", "basic") else {}
    settings = given or {"model_content": bytes(data)}
    if variant == "basic":
        settings["experimental_op_resolver_type"] = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES

    def fresh() -> Any:
        interpreter = Interpreter(num_threads=ctx.threads, **settings)
        interpreter.allocate_tensors()
        return interpreter

    kept = fresh()

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        # Resource variables outlive every reset but a new interpreter.
        interpreter = fresh() if stateful else kept
        _feed(interpreter, {index: feeds[name] for name, index in inputs})
        interpreter.invoke()
        return {name: _array(interpreter.get_tensor(index)) for name, index in outputs}

    return session


def _feed(interpreter: Any, feeds: Mapping[int, Any]) -> None:
    details = {one["index"]: one for one in interpreter.get_input_details()}
    moved = [i for i, array in feeds.items() if tuple(details[i]["shape"]) != array.shape]
    for index in moved:
        interpreter.resize_tensor_input(index, feeds[index].shape)
    if moved:
        interpreter.allocate_tensors()
    interpreter.reset_all_variables()
    for index, array in feeds.items():
        interpreter.set_tensor(index, array)


def _array(value: Any) -> Any:
    """Return strings as NumPy's own kind, which travels without a pickle."""
    import numpy as np

    if value.dtype.kind not in "OS":
        return value
    texts = [one.decode("utf-8", "replace") for one in value.ravel()]
    return np.array(texts, dtype=str).reshape(value.shape)


def _edit(model: Any, variant: str) -> None:
    import numpy as np

    kind, _, number = variant.partition(":")
    if kind == "fault":
        chosen = constant.faults(model, FAULTS)
        if not number.isdigit() or int(number) >= len(chosen):
            raise LookupError(f"{len(chosen)} faults can be planted, {variant} is none of them")
        chosen[int(number)].values[:] *= FACTOR
        return
    if kind not in {"weights-ulp", "weights-fp16"}:
        raise LookupError(f"no variant {variant}")
    found = list(constant.constants(model))
    if kind == "weights-ulp":
        # One unit of a float16 weight is 8,192 of the float32 that it is computed in.
        found = [one for one in found if one.values.dtype == np.float32]
    if not found:
        raise LookupError("the graph multiplies by no float constant")
    top = np.finfo(np.float16).max
    for seed, one in enumerate(found):
        if kind == "weights-fp16":
            one.values[:] = np.clip(one.values, -top, top).astype(np.float16)
            continue
        up = np.random.default_rng(seed).random(one.values.size) < 0.5
        one.values[:] = np.nextafter(
            one.values, np.where(up, np.inf, -np.inf).astype(one.values.dtype)
        )
