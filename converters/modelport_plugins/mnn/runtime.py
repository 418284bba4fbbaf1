"""Runs an MNN model on the CPU, through its Module interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_sdk import Context, CorruptModel, runtime
from modelport_sdk.plugins import Session

# Interpreter::HintMode, MNN 3.6, include/MNN/Interpreter.hpp: how much memory Winograd may take.
# 0 turns it off; its default moved outputs 44 to 150 times as far as rounding explains.
WINOGRAD_MEMORY_LEVEL = 3
# MNN's element types, as its Python names them, by NumPy's.
DTYPES = {
    "float": "float32",
    "double": "float64",
    "int": "int32",
    "int64": "int64",
    "uint8": "uint8",
}


@runtime(format="mnn", title="MNN", variants=("default",))
def load(model: Path, variant: str, ctx: Context) -> Session:
    """Load for the CPU: ``plain`` without Winograd, ``default`` as MNN comes.

    MNN knows 32-bit integers only: wider feeds are narrowed if their values allow it, and an
    output comes back in the type that the converter declared (``dtype``).
    """
    import numpy as np
    from MNN import expr

    module = open_module(model, variant, ctx)
    info = module.get_info()
    ports = dict(zip(info["inputNames"], info["inputs"]))
    declared = {port["target"]: port["extra"].get("dtype") for port in ctx.io.get("outputs", [])}

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        tensors = [_tensor(name, feeds[name], port) for name, port in ports.items()]
        results = module.forward(tensors)
        outputs = {}
        for name, result in zip(info["outputNames"], results):
            if result.data_format == expr.NC4HW4:
                result = expr.convert(result, expr.NCHW)  # noqa: PLW2901  # the same value
            array = np.array(result.read()).reshape(result.shape)
            outputs[name] = array.astype(declared.get(name) or array.dtype)
        return outputs

    return session


def open_module(model: Path, variant: str, ctx: Context) -> Any:
    """Return MNN's module for ``model``.

    Raises:
        CorruptModel: MNN cannot load it.
        LookupError: There is no such variant.
    """
    from MNN import nn

    if variant not in ("plain", "default"):
        raise LookupError(variant)
    plain = variant == "plain"
    settings = {
        "backend": "CPU",
        "precision": "high" if plain else "normal",
        "numThread": ctx.threads,
    }
    manager = nn.create_runtime_manager((settings,))
    if plain:
        manager.set_hint(WINOGRAD_MEMORY_LEVEL, 0)
    beside = model.with_name(model.name + ".weight")
    if beside.is_file():
        manager.set_external(str(beside))
    try:
        return nn.load_module_from_file(
            str(model), [], [], runtime_manager=manager, shape_mutable=True
        )
    except SystemError as exc:  # what its C++ side leaves when it returns no module
        raise CorruptModel(
            "mnn cannot load the model", hint="Check that the file is complete."
        ) from exc


def numpy_dtype(dtype: Any) -> str:
    """Return NumPy's name of an MNN element type."""
    name = str(dtype).rpartition(".")[2]
    return DTYPES.get(name, name)


def _tensor(name: str, value: Any, port: Any) -> Any:
    """Return ``value`` as MNN wants it at ``port``.

    Raises:
        OverflowError: A number does not fit into the port's type.
    """
    import numpy as np
    from MNN import expr

    wanted = numpy_dtype(port.dtype)
    array = np.ascontiguousarray(value).reshape(np.shape(value))
    cast = array.astype(wanted)
    if array.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise OverflowError(f"input {name}: values beyond {wanted}")
    layout = expr.NHWC if port.data_format == expr.NHWC else expr.NCHW
    tensor = expr.const(cast, list(cast.shape), layout, port.dtype)
    return expr.convert(tensor, expr.NC4HW4) if port.data_format == expr.NC4HW4 else tensor
