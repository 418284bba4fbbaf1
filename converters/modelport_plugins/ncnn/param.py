"""The text of a ``.param`` file, read and written.

Source: Tencent/ncnn, wiki "param-and-model-file-structure": magic, then the numbers of
layers and blobs, then one line a layer: type, name, number of inputs and outputs, their
blobs, and parameters as ``key=value``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from modelport_sdk import CorruptModel

MAGIC = "7767517"
LARGEST = 64 << 20
"""Bytes; the graph of a network of 10,000 layers takes 2 MB."""
MOST = 1_000_000
"""Layers, blobs, or elements of one array: what ncnn allocates on the file's word."""
WORD = 255
"""Characters of a type or name: ncnn reads them into 256 bytes (src/net.cpp, ``%255s``)."""
WORDS = re.compile(r"[^ \t\r\v\f]+")
"""What C takes for words; Python's own split knows more kinds of blanks."""
PARAMETER = re.compile(r"-?[0-9]{1,6}=\S")
ARRAY = -23300
"""A key of this or less begins an array: ``-23300=3,1,2,3`` (src/paramdict.cpp)."""


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
    if path.stat().st_size > LARGEST:
        raise CorruptModel("the .param is larger than any network's graph")
    # Lines end with a line feed only, as they do for ncnn's own parser.
    lines = path.read_text("utf-8", "replace").removeprefix("\ufeff").split("\n")
    rows = [row for row in map(WORDS.findall, lines) if row]
    if len(rows) < 2 or rows[0] != [MAGIC]:
        raise CorruptModel("the file is no ncnn .param", hint="Its first line must be 7767517.")
    try:
        promised, blobs = (_count(word) for word in rows[1][:2])
        layers = [_layer(row) for row in rows[2:]]
    except (IndexError, ValueError) as exc:
        raise CorruptModel("a layer of the .param cannot be read") from exc
    if len(layers) != promised:
        raise CorruptModel(f"the .param promises {promised} layers and holds {len(layers)}")
    _check_order(layers, blobs)
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


def _check_order(layers: list[Layer], blobs: int) -> None:
    """Refuse what ncnn takes on trust: blobs written once, before they are read, as promised."""
    written: set[str] = set()
    for layer in layers:
        for blob in layer.bottoms:
            if blob not in written:
                raise CorruptModel(f"layer {layer.name} reads {blob}, which none before it writes")
        if len(set(layer.tops)) < len(layer.tops) or not written.isdisjoint(layer.tops):
            raise CorruptModel(f"layer {layer.name} writes a blob that is there already")
        written.update(layer.tops)
    if len(written) > blobs:
        raise CorruptModel(f"the .param promises {blobs} blobs and names {len(written)}")


# Parameter that says how many weights follow in the .bin. Source: ncnn 20261020, src/layer.
WEIGHTS = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "Convolution1D"), "6"),
    **dict.fromkeys(("Convolution3D", "ConvolutionDepthWise1D", "ConvolutionDepthWise3D"), "6"),
    **dict.fromkeys(("Deconvolution", "DeconvolutionDepthWise", "Deconvolution1D"), "6"),
    **dict.fromkeys(("Deconvolution3D", "DeconvolutionDepthWise1D"), "6"),
    **dict.fromkeys(("InnerProduct", "LSTM", "GRU", "RNN", "MultiHeadAttention"), "2"),
    "Embed": "3",
}
# Parameter that is 1 where the weights come from another layer instead (dynamic_weight).
DYNAMIC = {
    **{name: "19" for name in WEIGHTS if name.startswith("Convolution")},
    **{name: "28" for name in WEIGHTS if name.startswith("Deconvolution")},
}


def check_weights(layers: list[Layer], size: int) -> None:
    """Refuse counts of weights that ``size`` bytes cannot hold: ncnn allocates on their word.

    Raises:
        CorruptModel: A layer asks for more; even at two weights a byte.
    """
    room = 2 * size
    for layer in layers:
        given = dict(word.split("=", 1) for word in layer.parameters if "=" in word)
        if given.get(DYNAMIC.get(layer.type, "")) == "1":
            continue
        word = given.get(WEIGHTS.get(layer.type, ""), "0")
        count = int(word) if word.isascii() and word.isdigit() and len(word) <= 12 else -1
        room -= count
        if count < 0 or room < 0:
            raise CorruptModel(
                f"layer {layer.name} needs {word[:20]} weights, more than the .bin holds",
                hint="Send the .bin that belongs to this .param, in full.",
            )


def _count(word: str) -> int:
    """Return a number of things.

    Raises:
        ValueError: It is negative, absurd, or none.
    """
    if not (word.isascii() and word.isdigit() and len(word) <= 7 and int(word) <= MOST):
        raise ValueError(word[:80])
    return int(word)


def _layer(row: list[str]) -> Layer:
    reads, writes = _count(row[2]), _count(row[3])
    blobs = row[4 : 4 + reads + writes]
    if len(blobs) != reads + writes or any(len(word) > WORD for word in (*row[:2], *blobs)):
        raise ValueError(row[1][:80])
    rest = tuple(row[4 + reads + writes :])
    for word in rest:
        # At any other word ncnn ends this layer, and reads on as if the next began there.
        if not PARAMETER.match(word):
            raise ValueError(word[:80])
        key, _, value = word.partition("=")
        if key.startswith("-") and int(key) <= ARRAY:
            count = value.split(",", 1)[0]
            if _count(count) != len(value.split(",")) - 1:
                raise ValueError(word[:80])
    return Layer(row[0], row[1], tuple(blobs[:reads]), tuple(blobs[reads:]), rest)
