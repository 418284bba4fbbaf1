"""Writes an OpenVINO model, its ports named as in the source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelport_plugins.openvino.inspect import read
from modelport_plugins.openvino.library import library, port_names
from modelport_sdk import Context, UnsupportedFeature


def write(
    model: Any,
    out: Path,
    ctx: Context,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    fp16: bool,
) -> None:
    """Save as ``<name>.xml`` and ``.bin``; declare every port that changed its name or went.

    Raises:
        UnsupportedFeature: OpenVINO dropped an output, or dropped or added a port unnamed.
    """
    kept = _kept(inputs, model.inputs)
    for name in inputs:
        if name not in kept:
            ctx.input(name, None)
            ctx.note(f"Input {name} is gone: no output depends on it.")
    inputs = kept
    for kind, names, ports in (("input", inputs, model.inputs), ("output", outputs, model.outputs)):
        if len(names) != len(ports):
            raise UnsupportedFeature(
                f"openvino keeps {len(ports)} of {len(names)} {kind}s",
                hint=f"Remove unused {kind}s from the model first.",
            )
    _rename(model, inputs, outputs)
    path = out / f"{ctx.name}.xml"
    library().save_model(model, str(path), compress_to_fp16=fp16)
    ctx.declare_precision("float16" if fp16 else "float32")
    ctx.progress("check", 0.9)
    saved = read(path)
    for source, target in zip(inputs, port_names(saved.inputs, "input")):
        if source != target:
            ctx.input(source, target)
    for source, target in zip(outputs, port_names(saved.outputs, "output")):
        if source != target:
            ctx.output(source, target)


def _kept(names: Sequence[str], ports: Any) -> list[str]:
    """Return the inputs that are still there; all of them where ports cannot be told by name.

    OpenVINO drops an input that nothing reads, such as the second of CastLike, of which
    the type alone counts.
    """
    if len(ports) >= len(names):
        return list(names)
    held = [next((name for name in names if name in port.get_names()), None) for port in ports]
    return [name for name in names if name in held] if all(held) else list(names)


def _rename(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give every port its source name alone, as far as tensors are not shared.

    A tensor that is input and output at once, or two outputs at once, is left as it is:
    its names belong to several ports, and the mapping says which is which.
    """
    wanted = list(zip([*inputs, *outputs], [*model.inputs, *model.outputs]))
    taken: set[str] = set()
    for name, port in wanted:
        shared = sum(bool(port.get_names() & other.get_names()) for _, other in wanted) > 1
        if not shared and name not in taken:
            port.get_tensor().set_names({name})
            taken.add(name)
