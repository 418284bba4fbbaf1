"""Looks into an IR before OpenVINO does: no document type, weights inside the ``.bin``.

Expat itself is asked to refuse a document type, which is what carries entities; the package
defusedxml does the same with the same parser, and is not in this environment. OpenVINO's own
parser (pugixml) knows no external entities; a document type in an IR is an attack all the same.
Source: OpenVINO IR version 11: ``<data element_type offset shape size>`` of a Const layer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from modelport_plugins.openvino.library import DTYPES
from modelport_sdk import CorruptModel, UnsafeModel

DEPTH = 64
"""Elements in elements; a body inside of a body takes six."""
LAYERS = 1_000_000
RANK = 64  # sizes of a shape: the product of forty thousand takes 20 s, and grows by the square
LARGEST = 512 << 20
"""Bytes of the ``.xml``; that of a model of 40,000 layers has 60 MB."""
DIGITS = 18
BITS = {"boolean": 8, "f8e4m3": 8, "f8e5m2": 8, "f8e8m0": 8, "f4e2m1": 4, "nf4": 4}


def check_ir(source: Path) -> None:
    """Return if the text of the IR is sound, and each constant lies inside the ``.bin``.

    Raises:
        UnsafeModel: It declares a document type or an entity.
        CorruptModel: It is no XML, nested too deep, or refers to weights that are not there.
    """
    weights = source.with_suffix(".bin")
    watch = _Watch(weights.stat().st_size if weights.is_file() else 0)
    if source.stat().st_size > LARGEST:
        raise CorruptModel("the .xml is larger than any model's graph")
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = watch.start
    parser.EndElementHandler = watch.end
    try:
        with source.open("rb") as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, ValueError, UnicodeError) as exc:
        raise CorruptModel(
            f"the .xml is no XML: {str(exc)[:100]}", hint="Export the model again."
        ) from exc


def _refuse(*_: Any) -> NoReturn:
    raise UnsafeModel(
        "the .xml declares a document type, which no IR has",
        hint="Export the model again; OpenVINO writes none.",
    )


class _Watch:
    """Sees every element go by; ``room`` is the size of the ``.bin`` in bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._depth = self._layers = 0

    def start(self, name: str, given: dict[str, str]) -> None:
        """Check an element's depth, and its weights if it refers to some."""
        self._depth += 1
        self._layers += name == "layer"
        if self._depth > DEPTH or self._layers > LAYERS:
            raise CorruptModel("the .xml is nested too deep, or has too many layers")
        if name == "data" and "offset" in given and "size" in given:
            self._check(given)

    def end(self, _: str) -> None:
        """Leave an element."""
        self._depth -= 1

    def _check(self, given: dict[str, str]) -> None:
        offset, size = _number(given["offset"]), _number(given["size"])
        if offset < 0 or size < 0 or offset + size > self._room:
            raise CorruptModel(
                f"a constant lies outside of the .bin, which has {self._room} bytes",
                hint="Send the .bin that belongs to this .xml, in full.",
            )
        count = 1
        words = given.get("shape", "").replace(" ", "").split(",")
        for word in filter(None, words):
            length = _number(word)
            if length < 0 or len(words) > RANK:
                raise CorruptModel("a constant has an impossible shape")
            count *= length
        bits = _bits(given.get("element_type", ""))
        if bits and (count * bits + 7) // 8 > size:
            raise CorruptModel(f"a constant of {size} bytes is too short for its shape")


def _bits(kind: str) -> int:
    """Return the bits of one element; 0 where it is not known, or varies."""
    name = DTYPES.get(kind, "")
    digits = "".join(char for char in name if char.isdigit())
    return BITS.get(kind, int(digits) if digits else 0)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else -1
