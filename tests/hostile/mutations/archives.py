"""Archives that lie: zip, tar, gzip, bzip2."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable

from mutations.case import Case, one

RTL = "model\u202exnno.exe"
NOISE = bytes(range(256)) * 16


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip; a doubled name is written twice."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
    return stream.getvalue()


def patched(data: bytes, at: int, form: str, value: int, *, behind: bytes = b"PK\x01\x02") -> bytes:
    """Return ``data`` with one number changed, ``at`` bytes behind the first ``behind``."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.find(behind) + at, value)
    return bytes(changed)


def nested(levels: int) -> bytes:
    """Return a zip in a zip in a zip."""
    data = zipped(("m.onnx", NOISE))
    for level in range(levels):
        data = zipped((f"{level}.zip", data))
    return data


def overlapping() -> bytes:
    """Return a zip whose second entry begins where the first does."""
    data = zipped(("a.bin", NOISE), ("b.bin", NOISE), method=zipfile.ZIP_STORED)
    second = data.rfind(b"PK\x01\x02")
    return data[: second + 42] + b"\0\0\0\0" + data[second + 46 :]


def taped(
    *entries: tuple[str, bytes, bytes, str],
    form: int = tarfile.GNU_FORMAT,
    pax: dict[str, str] | None = None,
) -> bytes:
    """Return a tar of ``(name, type, content, link)``."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, kind, content, link in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), link
            info.mode, info.pax_headers = 0o4777, pax or {}
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def header(name: str, kind: bytes, size: int) -> bytes:
    """Return one tar header that claims ``size``."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def record(key: str, value: str) -> bytes:
    """Return a tar with one pax record, its length true, in front of a file."""
    body = f" {key}={value}\n".encode()
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    text = str(length).encode() + body
    padded = text + bytes(-len(text) % 512)
    return header("x", b"x", len(text)) + padded + taped(("m.onnx", b"0", NOISE, ""))


def named_gzip(length: int) -> bytes:
    """Return a gzip whose header holds a name of ``length`` bytes."""
    plain = gzip.compress(NOISE, mtime=0)
    return plain[:3] + b"\x08" + plain[4:10] + b"n" * length + b"\0" + plain[10:]


def layers(pack: Callable[[bytes], bytes], levels: int) -> bytes:
    """Return noise packed again and again."""
    data = NOISE
    for _ in range(levels):
        data = pack(data)
    return data


HEADERS = gzip.compress(header("m.onnx", b"5", 0) * 8000, 9) * 100
FILE = ("m.onnx", b"0", NOISE, "")
ZIPS = [
    ("traversal", zipped(("../../tmp/modelport-canary/z", NOISE)), "leads out"),
    ("absolute", zipped(("/tmp/modelport-canary/z", NOISE)), "leads out"),
    ("symlink", patched(zipped(("m.onnx", b"/etc/passwd")), 38, "<L", 0o120777 << 16), "regular"),
    ("fifo", patched(zipped(("m.onnx", b"")), 38, "<L", 0o010666 << 16), "no regular file"),
    ("device", patched(zipped(("m.onnx", b"")), 38, "<L", 0o020666 << 16), "no regular file"),
    ("encrypted", patched(zipped(("m.onnx", NOISE)), 8, "<H", 1), "encrypted"),
    ("short-size", patched(zipped(("m.onnx", NOISE)), 24, "<L", 9), "longer than it says"),
    ("checksum", patched(zipped(("m.onnx", NOISE)), 16, "<L", 1), "size or checksum"),
    ("method", patched(zipped(("m.onnx", NOISE)), 10, "<H", 14), "method 14"),
    ("overlap", overlapping(), "overlaps|differs"),
    ("duplicate", zipped(("m.onnx", NOISE), ("M.onnx", NOISE)), "two files"),
    ("file-and-folder", zipped(("m", NOISE), ("m/m.onnx", NOISE)), "inside of a file"),
    ("deep-folders", zipped(("d/" * 40 + "m.onnx", NOISE)), "deep"),
    ("nested", nested(6), "archives more than"),
    ("truncated", zipped(("m.onnx", NOISE * 9))[:-60], "."),
    ("entries", patched(zipped(("m.onnx", NOISE)), 10, "<H", 65535, behind=b"PK\5\6"), "large"),
]
TARS = [
    ("traversal", taped(("../../tmp/modelport-canary/t", b"0", NOISE, "")), "leads out"),
    ("symlink", taped(("d", b"2", b"", "/tmp/modelport-canary"), FILE), "no regular file"),
    ("hard-link", taped(("m.onnx", b"1", b"", "/etc/passwd")), "no regular file"),
    ("device", taped(("m.onnx", b"3", b"", "")), "no regular file"),
    ("fifo", taped(("m.onnx", b"6", b"", "")), "no regular file"),
    ("sparse", record("GNU.sparse.major", "1"), "sparse"),
    ("long-header", header("x", b"x", 2**33) + bytes(2048), "64 KiB"),
    ("digits", record("size", "9" * 5000), "pax record"),
    ("record-length", header("x", b"x", 512) + b"9" * 511 + b" " + bytes(1024), "pax record"),
    ("size-lie", header("m.onnx", b"0", 2**40) + NOISE, "cut short"),
    ("checksum", taped(FILE)[:148] + b"0000000\0" + taped(FILE)[156:], "."),
    ("duplicate", taped(FILE, ("./m.onnx", b"0", NOISE, "")), "two files"),
    ("headers", HEADERS, "times its size|more than"),
]
PACKED = [
    ("gz-bomb", "m.onnx.gz", gzip.compress(bytes(2**20), 9) * 300, "times its size"),
    ("gz-truncated", "m.onnx.gz", gzip.compress(NOISE)[:-9], "damaged"),
    ("gz-checksum", "m.onnx.gz", gzip.compress(NOISE)[:-8] + bytes(8), "damaged"),
    ("gz-trailing", "m.onnx.gz", gzip.compress(NOISE) + b"PK\3\4 and more", "damaged"),
    ("gz-nested", "m.onnx.gz", layers(gzip.compress, 7), "archives more than"),
    ("gz-name", "m.onnx.gz", named_gzip(30_000_000), "no model"),
    ("bz2-bomb", "m.onnx.bz2", bz2.compress(bytes(2**24)) * 20, "times its size"),
    ("bz2-truncated", "m.onnx.bz2", bz2.compress(NOISE)[:-9], "damaged"),
]
BROKEN, UNKNOWN, LARGE = "corrupt-model", "unknown-format", "too-large"
CODES = {
    **dict.fromkeys(("headers", "gz-bomb", "bz2-bomb"), LARGE),
    **dict.fromkeys(("truncated", "checksum"), f"{BROKEN}|{UNKNOWN}"),
    "gz-name": UNKNOWN,
}
CASES = [
    *(
        Case(f"zip-{id}", "zip", one("m.zip", d), "intake", says, CODES.get(id, BROKEN))
        for id, d, says in ZIPS
    ),
    *(
        Case(f"tar-{id}", "tar", one("m.tar", d), "intake", says, CODES.get(id, BROKEN))
        for id, d, says in TARS
    ),
    *(
        Case(id, "gz", one(name, d), "intake", says, CODES.get(id, BROKEN))
        for id, name, d, says in PACKED
    ),
    *(
        Case(id, "zip", one(name, data), "intake", ".", f"{UNKNOWN}|bad-request")
        for id, name, data in (
            ("zip-right-to-left", "m.zip", zipped((RTL, NOISE))),
            ("zip-control", "m.zip", zipped(("m\1\x1b[2J.onnx", NOISE))),
            ("zip-long-name", "m.zip", zipped(("n" * 10_000, NOISE))),
            ("name-of-10-kb", "n" * 10_000 + ".onnx", NOISE),
            ("name-markup", "<img src=x onerror=alert(1)>.onnx", NOISE),
            ("name-ansi", "\x1b[2J\x1b]0;owned\x07.onnx", NOISE),
            ("name-path", "../../tmp/modelport-canary/u.onnx", NOISE),
        )
    ),
]
