"""The text of a ``.param`` file, read and written.

Source: Tencent/ncnn, wiki "param-and-model-file-structure": magic, then the numbers of
layers and blobs, then one line a layer: type, name, number of inputs and outputs, their
blobs, and parameters as ``key=value``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from modelport_sdk import CorruptModel

MAGIC = "7767517"


@dataclass(frozen=True)
class Layer:
    """One line: ``bottoms`` are the blobs it reads, ``tops`` those it writes."""

    type: str
    name: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    parameters: tuple[str, ...] = ()


def read(path: Path) -> list[Layer]:
    """Return the layers of ``path``.

    Raises:
        CorruptModel: It is no complete ``.param`` file.
    """
    lines = path.read_text("utf-8", "replace").removeprefix("\ufeff").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    if len(rows) < 2 or rows[0] != [MAGIC]:
        raise CorruptModel("the file is no ncnn .param", hint="Its first line must be 7767517.")
    try:
        layers = [_layer(row) for row in rows[2:]]
        promised = int(rows[1][0])
    except (IndexError, ValueError) as exc:
        raise CorruptModel("a layer of the .param cannot be read") from exc
    if len(layers) != promised:
        raise CorruptModel(f"the .param promises {promised} layers and holds {len(layers)}")
    return layers


def write(layers: list[Layer], path: Path) -> None:
    """Write ``layers`` as a ``.param`` file."""
    blobs = {top for layer in layers for top in layer.tops}
    lines = [MAGIC, f"{len(layers)} {len(blobs)}"]
    for layer in layers:
        counts = f"{len(layer.bottoms)} {len(layer.tops)}"
        words = [f"{layer.type:24} {layer.name:24} {counts}"]
        lines.append(" ".join([*words, *layer.bottoms, *layer.tops, *layer.parameters]))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def inputs(layers: list[Layer]) -> list[str]:
    """Return the blobs that the caller feeds, in order."""
    return [top for layer in layers if layer.type == "Input" for top in layer.tops]


def outputs(layers: list[Layer]) -> list[str]:
    """Return the blobs that no layer reads, in order."""
    used = {blob for layer in layers for blob in layer.bottoms}
    return [top for layer in layers for top in layer.tops if top not in used]


def counts(layers: list[Layer]) -> dict[str, int]:
    """Return how often each type of layer occurs, most frequent first; Input is left out."""
    found = Counter(layer.type for layer in layers if layer.type != "Input")
    return dict(found.most_common())


def renamed(layers: list[Layer], names: dict[str, str]) -> list[Layer]:
    """Return the layers with blobs renamed."""

    def new(blobs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(blob, blob) for blob in blobs)

    return [replace(item, bottoms=new(item.bottoms), tops=new(item.tops)) for item in layers]


def _layer(row: list[str]) -> Layer:
    reads, writes = int(row[2]), int(row[3])
    if min(reads, writes) < 0:
        raise ValueError(row[1])
    blobs = row[4 : 4 + reads + writes]
    if len(blobs) != reads + writes:
        raise ValueError(row[1])
    return Layer(
        row[0], row[1], tuple(blobs[:reads]), tuple(blobs[reads:]), tuple(row[4 + reads + writes :])
    )
