"""ONNX Runtime sessions: options, typed load errors, and outputs as named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelport_sdk import UnsupportedFeature

LEVELS = {
    "plain": "ORT_ENABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "unoptimised": "ORT_DISABLE_ALL",
}
ERROR = 3  # log severity: 2 warns about every unused initialiser


def open_session(
    model: Any,
    *,
    level: str = "plain",
    threads: int = 1,
    changed: Mapping[str, Any] | None = None,
) -> Any:
    """Return an ``InferenceSession`` on the CPU for a path or the bytes of a model.

    ``changed`` has new values, by name, for weights that stand in files beside the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERROR
    if changed:
        held = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in changed.values()]
        options.add_external_initializers(list(changed), held)
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def runner(session: Any) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function from named inputs to all outputs by name.

    A sequence of tensors becomes ``name[0]``, ``name[1]``, ...; strings become NumPy's
    ``U`` kind, since arrays of objects do not travel.

    Raises:
        UnsupportedFeature: From the function: an output is a map, or a sequence of maps.
    """
    wanted = [port.name for port in session.get_inputs()]
    names = [port.name for port in session.get_outputs()]

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: _fed(feeds[name]) for name in wanted if name in feeds}
        outputs: dict[str, Any] = {}
        for name, value in zip(names, session.run(None, given)):
            outputs.update(_named(name, value))
        return outputs

    return run


def _fed(value: Any) -> Any:
    import numpy as np

    array = np.asarray(value)
    return array.astype(object) if array.dtype.kind == "U" else array


def _named(name: str, value: Any) -> dict[str, Any]:
    import numpy as np

    if isinstance(value, list):
        found: dict[str, Any] = {}
        for index, item in enumerate(value):
            found.update(_named(f"{name}[{index}]", item))
        return found
    if isinstance(value, dict):
        raise UnsupportedFeature(f"output {name} is a map, which cannot be compared")
    if value is None:
        raise UnsupportedFeature(f"output {name} is an empty optional, which cannot be compared")
    array = np.asarray(value)
    return {name: array.astype(str) if array.dtype.hasobject else array}
