"""ONNX (a protobuf message without a signature) and ORT (a flatbuffer with one).

Source: onnx/onnx.proto, messages ModelProto and GraphProto; onnxruntime
core/flatbuffers/schema/ort.fbs, ``file_identifier "ORTM"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelport_sdk import Format, Head

VARINT, BYTES = 0, 2
# Field numbers of ModelProto with their wire types.
MODEL_FIELDS = {
    1: VARINT,  # ir_version
    2: BYTES,  # producer_name
    3: BYTES,  # producer_version
    4: BYTES,  # domain
    5: VARINT,  # model_version
    6: BYTES,  # doc_string
    7: BYTES,  # graph
    8: BYTES,  # opset_import
    14: BYTES,  # metadata_props
    20: BYTES,  # training_info
    25: BYTES,  # functions
    26: BYTES,  # configuration
}
# First byte of a GraphProto: node, name, initializer, doc_string, input, output,
# value_info, quantization_annotation, sparse_initializer (all length-delimited).
GRAPH_TAGS = b"\x0a\x12\x2a\x52\x5a\x62\x6a\x72\x7a"
NEWEST_IR = 100  # IR version 13 is the newest of November 2026; leaves room


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the value of the varint at ``at`` and the position behind it; -1 if cut off."""
    value = 0
    for step in range(10):
        if at + step >= len(data):
            return -1, at
        byte = data[at + step]
        value |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:
            return value, at + step + 1
    return -1, at


def fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield field number, wire type, value (or length) and content position, as far as they go.

    The last one may reach beyond ``data``. A field that cannot be of a ModelProto is
    yielded with number 0, and ends the walk.
    """
    at = 0
    while at < len(data):
        tag, after = varint(data, at)
        value, content = varint(data, after)
        if tag < 0 or value < 0:
            return
        number, wire = tag >> 3, tag & 7
        if MODEL_FIELDS.get(number) != wire:
            yield 0, wire, value, content
            return
        yield number, wire, value, content
        at = content + (value if wire == BYTES else 0)


def match_onnx(head: Head) -> float:
    """Return 0.9 or more for a plausible ModelProto, 0.2 on the suffix alone."""
    suffix = head.name.endswith(".onnx")
    seen = set()
    for number, _, value, at in fields(head.first):
        if not _plausible(head, number, value, at):
            seen.clear()
            break
        seen.add(number)
    if 7 in seen and (1 in seen or 8 in seen):
        return 1.0 if suffix else 0.9
    if suffix and 1 in seen and head.first[:1] == b"\x08":
        return 0.7
    return 0.2 if suffix else 0.0


def _plausible(head: Head, number: int, value: int, at: int) -> bool:
    text = head.first[at : at + value]
    if number == 0:
        return False
    if number == 1:
        return 0 < value <= NEWEST_IR
    if number in {2, 3, 4}:  # short names; tells a SavedModel and a Core ML file apart
        return value < 1024 and text.isascii() and (not text or text.decode("ascii").isprintable())
    if number == 7:
        return text[:1] in GRAPH_TAGS and value > 0
    return True


def match_ort(head: Head) -> float:
    """Return 1.0 if the flatbuffer names itself ``ORTM``, 0.2 on the suffix alone."""
    if head.first[4:8] == b"ORTM":
        return 1.0
    return 0.2 if head.name.endswith(".ort") else 0.0


# StringStringEntryProto {key: "location", value: ...}: tags 1 and 2, both length-delimited.
LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])")


def outside(name: str, data: bytes) -> tuple[str, ...]:
    """Return the files of external data that ``data`` seems to name; the inspector checks them."""
    found = (data[one.end() : one.end() + one.group(1)[0]] for one in LOCATION.finditer(data))
    return tuple(dict.fromkeys(name.decode("utf-8", "replace") for name in found))


ONNX = Format("onnx", "ONNX", match_onnx, main="*.onnx", parts=("*",), beside=outside)
ORT = Format("ort", "ONNX Runtime", match_ort, main="*.ort")
