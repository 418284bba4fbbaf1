"""Runs an OpenVINO IR on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelport_plugins.openvino.inspect import read
from modelport_plugins.openvino.library import library, port_names
from modelport_plugins.openvino.refusal import reason
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
    described = read(model)
    # Named before the compilation, which merges names of tensors that it fuses.
    inputs = {name: i for i, name in enumerate(port_names(described.inputs, "input"))}
    outputs = port_names(described.outputs, "output")
    with _explained():
        compiled = library().Core().compile_model(described, "CPU", settings)
    request = compiled.create_infer_request()

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        # not ascontiguousarray, which gives a scalar an axis that the model refuses
        tensors = {inputs[name]: np.asarray(value, order="C") for name, value in feeds.items()}
        with _explained():
            results = request.infer(tensors)
        return {name: np.array(results[port]) for name, port in zip(outputs, compiled.outputs)}

    return session


@contextmanager
def _explained() -> Iterator[None]:
    """Raise what went wrong instead of where: the first lines name OpenVINO's own sources."""
    try:
        yield
    except RuntimeError as exc:
        raise RuntimeError(reason(str(exc))) from exc
