"""Runs an OpenVINO IR on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.openvino.inspect import read
from modelport_plugins.openvino.library import library, port_names
from modelport_sdk import Context, runtime
from modelport_sdk.plugins import Session


@runtime(format="openvino", title="OpenVINO", variants=("default",))
def load(model: Path, variant: str, ctx: Context) -> Session:
    """Compile for the CPU: ``plain`` computes in float32 throughout, ``default`` as shipped.

    Out of the box OpenVINO computes in bfloat16 or float16 where the CPU has it, which
    says nothing about the conversion.
    """
    import numpy as np

    if variant not in ("plain", "default"):
        raise LookupError(variant)
    settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": ctx.threads}
    if variant == "plain":
        settings.update(
            INFERENCE_PRECISION_HINT="f32", EXECUTION_MODE_HINT="ACCURACY", NUM_STREAMS=1
        )
    compiled = library().Core().compile_model(read(model), "CPU", settings)
    request = compiled.create_infer_request()
    inputs = {name: index for index, port in enumerate(compiled.inputs) for name in _all(port)}
    inputs.update({name: i for i, name in enumerate(port_names(compiled.inputs, "input"))})
    outputs = port_names(compiled.outputs, "output")

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        tensors = {inputs[name]: np.ascontiguousarray(value) for name, value in feeds.items()}
        results = request.infer(tensors)
        return {name: np.array(results[port]) for name, port in zip(outputs, compiled.outputs)}

    return session


def _all(port: Any) -> set[str]:
    return set(port.get_names())
