"""What a file looks like that is no model: named to the user, so that he sees his mistake.

Source of the signatures: each format's own specification, as collected in file(1)'s magic.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from modelport_sdk import Head

LFS = b"version https://git-lfs.github.com/spec/v1"
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (LFS, "a Git LFS pointer"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF model"),
    (b"\x7fELF", "a Linux program"),
    (b"MZ", "a Windows program"),
    (b"ID3", "an MP3 recording"),
    (b"SQLite format 3\0", "an SQLite database"),
)
# Magic words that do not stand at the beginning: offset, word.
INSIDE: tuple[tuple[int, bytes, str], ...] = (
    (4, b"TFL3", "a TensorFlow Lite model"),
    (8, b"WEBP", "a WebP picture"),
    (8, b"WAVE", "a WAVE recording"),
    (4, b"ftyp", "a video or HEIC picture"),
)
# Models of frameworks that no plugin reads: part of the name, and of the first bytes.
OTHERS: tuple[tuple[str, bytes, str], ...] = (
    ("saved_model.pb", b"", "a TensorFlow SavedModel"),
    ("config.json", b'"class_name"', "the description of a Keras model"),
    (".weights.h5", b"\x89HDF\r\n\x1a\n", "the weights of a Keras model"),
    (".h5", b"\x89HDF\r\n\x1a\n", "a Keras or other HDF5 file"),
    (".prototxt", b"layer", "the description of a Caffe model"),
    (".caffemodel", b"", "the weights of a Caffe model"),
    ("-symbol.json", b'"nodes"', "the description of an MXNet model"),
    (".params", b"\x12\x01\0\0", "the weights of an MXNet model"),
    (".pdmodel", b"", "a Paddle model"),
    (".pdiparams", b"", "the weights of a Paddle model"),
    (".mlir", b"oneflow", "a OneFlow model"),
    (".mlmodel", b"", "a Core ML model"),
    (".engine", b"ftrt", "a TensorRT engine"),
    (".joblib", b"\x80", "a scikit-learn pickle"),
)
PRINTABLE = bytes({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x7F), *range(0x80, 0x100)})
BINARY = "binary data of no kind we know"
KNOWN = frozenset(title for _, _, title in OTHERS)
MOST = 3  # of them named
LONGEST = 4  # bytes of a character in UTF-8
SHORT_MAGIC = {b"BM", b"MZ"}  # two letters may begin a text as well


def look(head: Head) -> str:
    """Return what the file looks like, with its article: ``a PNG picture``."""
    if not head.size:
        return "an empty file"
    plain = _signed(head) or _unsigned(head.first)
    named = [one for one in OTHERS if head.name.endswith(one[0])]
    # A name alone says what binary data is, but never what a picture or a text is.
    fitting = [t for _, word, t in named if (word in head.first if word else plain == BINARY)]
    return fitting[0] if fitting else plain


def _signed(head: Head) -> str:
    for magic, title in SIGNATURES:
        if head.first.startswith(magic) and not (magic in SHORT_MAGIC and _text(head.first)):
            return title
    for offset, magic, title in INSIDE:
        if head.first[offset : offset + len(magic)] == magic:
            return title
    return ""


def _unsigned(first: bytes) -> str:
    if first[:1] == b"\x80" and first[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "a Python pickle"
    if _text(first):
        return _written(first)
    if not first.strip(b"\0"):
        return "a file of zeros"
    return BINARY


def _text(first: bytes) -> bool:
    if first.translate(None, PRINTABLE):
        return False
    try:
        first.decode("utf-8")
    except UnicodeDecodeError as exc:
        return 0 < len(first) - exc.start < LONGEST  # the last character may be cut in two
    return True


def _written(first: bytes) -> str:
    start = first.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML)"
    if start.startswith(b"<"):
        return "an XML text"
    if start.startswith((b"{", b"[")):
        return "a JSON text"
    if start.startswith((b"#!", b"import ", b"from ")) or b"\nimport " in start:
        return "a program's source text"
    return "a text"


def advice(look: str) -> str:
    """Return what to do about a file that looks like ``look``; "" where that is plain."""
    if look == "a Git LFS pointer":
        return "Run `git lfs pull` in the repository, then send the file that replaces it."
    if look == "a web page (HTML)":
        return "Download the file itself: this is the page around it, or an error page."
    if look == "an empty file":
        return "Download or export the model again: nothing arrived."
    return ""


def census(looks: Sequence[str]) -> str:
    """Return what files look like, taken together: ``12 files, 11 of them a JPEG picture each``."""
    if len(looks) == 1:
        return looks[0]
    counted = collections.Counter(looks).most_common()
    known = [title for title, _ in counted if title in KNOWN]
    if known:
        return " and ".join(known[:MOST])
    (common, count), *_ = counted
    if count == len(looks):
        return f"{count} files, each {common}"
    return f"{len(looks)} files, {count} of them {common} each"
