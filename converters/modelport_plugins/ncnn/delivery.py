"""Turns what pnnx wrote into artefacts: named after the model, blobs named as in the source."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelport_plugins.ncnn import param
from modelport_plugins.ncnn.tool import Written
from modelport_sdk import Context, UnsupportedFeature

# A blob name is one word of at most 255 bytes. Source: ncnn, src/net.cpp ("%255s").
WORD = re.compile(r"\S{1,120}")


@dataclass(frozen=True)
class Port:
    """An input or output of the source; ``shape`` where it is known, and then the only one."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None = None


def deliver(
    written: Written,
    out: Path,
    ctx: Context,
    *,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    fp16: bool,
) -> None:
    """Write ``<name>.ncnn.param`` and ``.bin``; declare blobs, batch axes, types and shapes.

    Raises:
        UnsupportedFeature: pnnx dropped an input or output, or joined the two.
    """
    layers = param.read(written.param)
    fed = _numbered(param.inputs(layers), "in")
    made = [f"out{index}" for index in range(len(written.outputs))]
    for kind, ports, blobs in (("input", inputs, fed), ("output", outputs, made)):
        if len(ports) != len(blobs):
            raise UnsupportedFeature(
                f"pnnx keeps {len(blobs)} of {len(ports)} {kind}s",
                hint=f"Remove unused {kind}s from the model first.",
            )
    batches = dict(zip((f"in{index}" for index in range(len(written.inputs))), written.inputs))
    if not batches.keys() >= set(fed):
        raise UnsupportedFeature(
            "pnnx left nothing between an input and an output",
            hint="An output that copies an input, or its shape, has no counterpart in ncnn.",
        )
    names = _names(layers, [*fed, *made], [port.name for port in (*inputs, *outputs)])
    param.write(param.renamed(layers, names), out / f"{ctx.name}.ncnn.param")
    shutil.move(str(written.bin), str(out / f"{ctx.name}.ncnn.bin"))
    ctx.declare_precision("float16" if fp16 else "float32")
    for port, blob in zip(inputs, fed):
        ctx.input(
            port.name,
            names.get(blob, blob),
            shape=port.shape,
            batch_index=batches[blob],
            dtype=port.dtype,
        )
    for port, blob, batch in zip(outputs, made, written.outputs):
        sizes = {} if port.shape is None else {"shape": list(port.shape)}
        ctx.output(port.name, names.get(blob, blob), batch_index=batch, dtype=port.dtype, **sizes)


def _numbered(blobs: Sequence[str], prefix: str) -> list[str]:
    """Return ``in0``, ``in1``, ... in the order of their numbers, which is the source's."""
    pattern = re.compile(rf"{prefix}(\d+)")
    matches = [(blob, pattern.fullmatch(blob)) for blob in blobs]
    return [blob for blob, m in sorted(matches, key=lambda item: int(item[1][1]) if item[1] else 0)]


def _names(layers: list[param.Layer], blobs: list[str], wanted: list[str]) -> dict[str, str]:
    """Return new names for blobs, as far as the source's are words and not taken already."""
    taken = {blob for layer in layers for blob in (*layer.tops, *layer.bottoms)}
    names: dict[str, str] = {}
    for blob, name in zip(blobs, wanted):
        if WORD.fullmatch(name) and name not in taken:
            names[blob] = name
            taken.add(name)
    return names
