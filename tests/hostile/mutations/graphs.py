"""NCNN, OpenVINO, MNN and ORT models, as our own converters write them, with one fault each."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping

from mutations.case import Case, Files

BROKEN, UNSAFE, UNKNOWN = "corrupt-model", "unsafe-model", "unknown-format"
Edit = Callable[[str, bytes], tuple[str, bytes]]
DOCTYPE = '<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
LAUGHS = "<!DOCTYPE net [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(97 + i)} '{('&' + chr(96 + i) + ';') * 10}'>" for i in range(1, 20)
)


def text(edit: Callable[[str], str]) -> Edit:
    """Return an edit of the graph, the weights kept."""
    return lambda graph, weights: (edit(graph), weights)


def swap(old: str, new: str, count: int = 1) -> Edit:
    """Return an edit that replaces by pattern, and fails where there is nothing to replace."""

    def apply(graph: str) -> str:
        changed, found = re.subn(old, new, graph, count=count, flags=re.MULTILINE)
        assert found, old
        return changed

    return text(apply)


def pair(graph: str, weights: str, edit: Edit) -> Callable[[Mapping[str, Files]], Files]:
    """Return a builder that edits the two files of a format; ``graph`` is its id."""

    def build(sound: Mapping[str, Files]) -> Files:
        named = {name.rpartition(".")[2]: name for name in sound[graph]}
        first, second = named[weights], named["bin"]
        changed, more = edit(sound[graph][first].decode(), sound[graph][second])
        return {first: changed.encode("utf-8", "surrogatepass"), second: more}

    return build


def single(format: str, edit: Callable[[bytearray], bytes]) -> Callable[..., Files]:
    """Return a builder that edits the one file of a format."""

    def build(sound: Mapping[str, Files]) -> Files:
        ((name, data),) = sound[format].items()
        return {name: edit(bytearray(data))}

    return build


def put(at: int, form: str, value: int) -> Callable[[bytearray], bytes]:
    """Return an edit of one number at a fixed place."""

    def apply(data: bytearray) -> bytes:
        struct.pack_into(form, data, at, value)
        return bytes(data)

    return apply


def vtable(value: int) -> Callable[[bytearray], bytes]:
    """Return an edit of the root table's distance to its vtable."""

    def apply(data: bytearray) -> bytes:
        struct.pack_into("<i", data, struct.unpack_from("<I", data)[0], value)
        return bytes(data)

    return apply


def field(number: int, value: int) -> Callable[[bytearray], bytes]:
    """Return an edit of an offset that the root table holds."""

    def apply(data: bytearray) -> bytes:
        root = struct.unpack_from("<I", data)[0]
        place = root - struct.unpack_from("<i", data, root)[0] + 4 + 2 * number
        at = root + struct.unpack_from("<H", data, place)[0]
        struct.pack_into("<I", data, at, value)
        return bytes(data)

    return apply


def vector(number: int, value: int) -> Callable[[bytearray], bytes]:
    """Return an edit of the length of a vector that the root table refers to."""

    def apply(data: bytearray) -> bytes:
        root = struct.unpack_from("<I", data)[0]
        place = root - struct.unpack_from("<i", data, root)[0] + 4 + 2 * number
        at = root + struct.unpack_from("<H", data, place)[0]
        struct.pack_into("<I", data, at + struct.unpack_from("<I", data, at)[0], value)
        return bytes(data)

    return apply


def operator(data: bytearray, number: int) -> int:
    """Return where a field of an MNN model's third operator stands: field 3 lists operators."""

    def place(table: int, index: int) -> int:
        at = table - struct.unpack_from("<i", data, table)[0] + 4 + 2 * index
        return table + struct.unpack_from("<H", data, at)[0]

    def target(at: int) -> int:
        return at + struct.unpack_from("<I", data, at)[0]

    listed = target(place(struct.unpack_from("<I", data)[0], 3))
    return place(target(listed + 4 + 4 * 2), number)


def pointed(number: int, value: int) -> Callable[[bytearray], bytes]:
    """Return an edit of an offset in an operator."""

    def apply(data: bytearray) -> bytes:
        struct.pack_into("<I", data, operator(data, number), value)
        return bytes(data)

    return apply


def indexed(number: int, value: int) -> Callable[[bytearray], bytes]:
    """Return an edit of the first element of an operator's vector."""

    def apply(data: bytearray) -> bytes:
        at = operator(data, number)
        struct.pack_into("<I", data, at + struct.unpack_from("<I", data, at)[0] + 4, value)
        return bytes(data)

    return apply


def noise(step: int, first: int = 64) -> Callable[[bytearray], bytes]:
    """Return an edit that turns every ``step``th byte over."""

    def apply(data: bytearray) -> bytes:
        for at in range(first, len(data), step):
            data[at] ^= 0xFF
        return bytes(data)

    return apply


PARAM: list[tuple[str, Edit, str, str]] = [
    ("counts-negative", swap(r"^(\d+) (\d+)$", r"-\1 \2"), "guard", "cannot be read"),
    ("counts-huge", swap(r"^(\d+) (\d+)$", r"\1 2000000000"), "guard", "cannot be read"),
    ("blobs-few", swap(r"^(\d+) (\d+)$", r"\1 1"), "guard", "promises 1 blobs"),
    ("reads-negative", swap(r"^(Conv\S+ +\S+ +)1 1", r"\1-1 3"), "guard", "cannot be read"),
    ("cycle", swap(r"^(Conv\S+ +\S+ +1 1 )\S+", r"\1out0"), "guard", "none before it"),
    ("array", swap(r"$\Z", " -23300=1073741824,1"), "guard", "cannot be read"),
    ("weights-huge", swap(r" 6=\d+", " 6=2147483647"), "guard", "more than the .bin"),
    ("weights-negative", swap(r" 6=\d+", " 6=-5"), "guard", "more than the .bin"),
    ("word-of-10-kb", swap(r"^Conv\S+", "C" * 10_000), "guard", "cannot be read"),
    ("layer-unknown", swap(r"^Conv\S+", "../../Evil<script>"), "native", "ncnn cannot load"),
    ("bin-short", lambda g, w: (g, w[: len(w) // 2]), "native", "ncnn cannot load the .bin"),
    ("bin-empty", lambda g, w: (g, b""), "guard", "more than the .bin"),
    ("value-words", swap(r" 0=\d+", " 0=nan"), "native", "ncnn cannot load"),
    ("bin-type", lambda g, w: (g, b"\x47\x6b\x30\x01" + w[4:160]), "native", "ncnn cannot load"),
    ("keys-outside", swap(r" 1=\d+", " 99=3"), "native", "ncnn cannot load"),
    ("kernel-huge", swap(r" 1=3", " 1=2000000000"), "native", "ncnn cannot load the .param"),
]  # fmt: skip
XML: list[tuple[str, Edit, str, str, str]] = [
    ("doctype", swap(r"<net", DOCTYPE + "<net"), "guard", "document type", UNSAFE),
    ("laughs", swap(r"<net", LAUGHS + "]><net"), "guard", "document type", UNSAFE),
    ("constant-beyond", swap(r'offset="0"', 'offset="999999999"'), "guard", "outside", BROKEN),
    ("constant-negative", swap(r'offset="0"', 'offset="-4"'), "guard", "outside", BROKEN),
    ("size-huge", swap(r' size="\d+"', f' size="{2**64 + 4}"'), "guard", "outside", BROKEN),
    ("shape-lies", swap(r'shape="\d+(?=[^>]*offset)', 'shape="4000000'), "guard", "too short", BROKEN),
    ("depth", swap(r"<layers>", "<layers>" + "<a>" * 50_000), "guard", "nested", BROKEN),
    ("cut", text(lambda g: g[: len(g) // 2]), "guard", "no XML", BROKEN),
    ("bin-empty", lambda g, w: (g, b""), "guard", "outside", BROKEN),
    ("encoding", swap(r'encoding="[^"]*"|version="1.0"', 'version="1.0" encoding="utf-7"'), "guard",
     "no XML", BROKEN),
    ("edge-missing", swap(r'from-layer="\d+"', 'from-layer="9999"'), "native", "openvino", BROKEN),
    ("edge-self", swap(r'from-layer="\d+"( [^/]*)to-layer="(\d+)"', r'from-layer="\2"\1to-layer="\2"'),
     "native", "openvino", BROKEN),
    ("edge-port", swap(r'to-port="\d+"', 'to-port="77"'), "native", "openvino", BROKEN),
    ("type-unknown", swap(r'type="Convolution"', 'type="Evil\u202e"'), "native", "openvino", BROKEN),
    ("version", swap(r'(<net [^>]*)version="\d+"', r'\1version="99999"'), "native", "openvino", BROKEN),
    ("strides-words", swap(r'strides="[^"]*"', 'strides="NaN, -1"'), "native", "openvino", BROKEN),
    ("strides-zero", swap(r'strides="[^"]*"', 'strides="0, 0"'), "native", "openvino", BROKEN),
    ("element-type", swap(r'(<data [^>]*)element_type="\w+"', r'\1element_type="q77"'), "native",
     "openvino", BROKEN),
    ("pads-huge", swap(r'pads_end="[^"]*"', 'pads_end="2147483647, 2147483647"'), "taken", "", ""),
]  # fmt: skip
FLAT: dict[str, Callable[[bytearray], bytes]] = {
    "truncated": lambda d: bytes(d[: len(d) // 2]),
    "root-outside": put(0, "<I", 0xFFFFFFF0),
    "root-near-end": lambda d: put(0, "<I", len(d) - 6)(d),
    "vtable-self": vtable(0),
    "vtable-negative": vtable(-(2**31)),
    "noise-7": noise(7),
    "noise-101": noise(101),
    "noise-late": noise(13, first=1024),
}
# MNN's files have no signature, so many faults of the root are met by recognition.
NET: list[tuple[str, Callable[[bytearray], bytes], str, str]] = [
    ("truncated", FLAT["truncated"], "guard", "no complete mnn"),
    ("root-outside", FLAT["root-outside"], "intake", "no kind we know"),
    ("vtable-negative", FLAT["vtable-negative"], "intake", "no kind we know"),
    ("noise-101", FLAT["noise-101"], "guard", "no complete mnn"),
    ("operators-many", vector(3, 0x7FFFFFFF), "guard", "no complete mnn"),
    ("operators-outside", field(3, 0x7FFFFFF0), "intake", "no kind we know"),
    ("names-many", vector(7, 0x3FFFFFFF), "native", "mnn cannot load"),
    ("names-outside", field(7, 0xFFFFFF00), "intake", "no kind we know"),
    ("reads-outside", indexed(0, 0x7FFFFFFF), "native", "mnn cannot load|parser crashed"),
    ("reads-negative", indexed(0, 0x80000000), "native", "mnn cannot load|parser crashed"),
    ("writes-outside", indexed(4, 0x7FFFFFFF), "native", "mnn cannot load|parser crashed"),
    ("parameters-outside", pointed(2, 0x7FFFFFF0), "native", "mnn cannot load|parser crashed"),
    ("parameters-self", pointed(2, 4), "taken", ""),
    ("name-outside", pointed(3, 0x7FFFFFF0), "native", "mnn cannot load|parser crashed"),
]  # fmt: skip

CASES = [
    *(Case(f"ncnn-{id}", "ncnn", pair("ncnn", "param", edit), reach, says, BROKEN)
      for id, edit, reach, says in PARAM),
    *(Case(f"openvino-{id}", "openvino", pair("openvino", "xml", edit), reach, says, code)
      for id, edit, reach, says, code in XML),
    *(Case(f"ort-{id}", "ort", single("ort", edit), "native", "ONNX Runtime cannot load", BROKEN)
      for id, edit in FLAT.items()),
    *(Case(f"mnn-{id}", "mnn", single("mnn", edit), reach, says,
           {"intake": UNKNOWN, "taken": ""}.get(reach, BROKEN))
      for id, edit, reach, says in NET),
]  # fmt: skip
