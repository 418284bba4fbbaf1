"""ONNX Runtime sessions: options, typed load errors, and outputs as named arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from modelport_sdk import PluginError, UnsupportedFeature, UnsupportedOperator, first_line

LEVELS = {
    "plain": "ORT_ENABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "unoptimised": "ORT_DISABLE_ALL",
}
# Source: onnxruntime 1.32, core/framework/kernel_registry_manager.cc and core/session.
NO_KERNEL = re.compile(
    r"(?:Could not find an implementation|Failed to find kernel) for ([\w.:]+)\((\d+)\)"
)
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


def refusal(exc: Exception, folder: str, counts: Mapping[str, int]) -> PluginError:
    """Return what ONNX Runtime said of a model as a typed error.

    ``counts`` are the model's operators; ``folder`` is left out of the words.
    """
    text = first_line(exc).replace(f"{folder}/", "")
    missing = NO_KERNEL.search(text)
    if missing is None:
        return UnsupportedFeature(f"ONNX Runtime refused this model: {text}")
    name, version = missing.groups()
    return UnsupportedOperator(
        f"ONNX Runtime has no kernel for {name} of operator set {version} on these types",
        hint="Raise the model's operator set first, or change the types of its inputs.",
        operators={name: counts.get(name, 1)},
    )


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
