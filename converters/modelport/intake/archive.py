"""Archives in an upload: which there are, and how each is unpacked."""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from modelport.errors import CorruptModel
from modelport.intake import tape, zipped
from modelport.intake.budget import Sink
from modelport.intake.inflation import Inflated

FIRST = 2**16
CHUNK = 2**18
GZIP, BZIP2 = b"\x1f\x8b\x08", b"BZh"
SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".gz": "", ".bz2": ""}
USUAL = (".zip", ".tar", *SUFFIXES)
UNREAD = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def first(path: Path) -> bytes:
    """Return at most the first 65,536 bytes."""
    with path.open("rb") as stream:
        return stream.read(FIRST)


def kind(start: bytes) -> str:
    """Return ``zip``, ``tar``, ``gzip`` or ``bzip2`` by the first bytes; else ""."""
    if start.startswith(zipped.MAGIC):
        return "zip"
    if start.startswith(GZIP):
        return "gzip"
    if start.startswith(BZIP2) and start[4:10] == b"1AY&SY":
        return "bzip2"
    return "tar" if tape.is_tar(start) else ""


def unpack(path: Path, name: str, sink: Sink) -> None:
    """Write what is in the archive ``path``, which the user calls ``name``, into ``sink``.

    Raises:
        CorruptModel: It is damaged, or one of the tricks of hostile archives is in it.
        TooLarge: More bytes or files than the limits allow.
    """
    start = first(path)
    which = kind(start)
    with sink.unpacking(path.stat().st_size):
        if which == "zip":
            zipped.unzip(path, sink)
        elif which == "tar":
            with path.open("rb") as stream:
                tape.untar(stream, sink)
        else:
            _decompress(path, name, which, sink)


def refuse_unread(start: bytes) -> None:
    """Raise if the file is an archive of a kind that is not unpacked here.

    Raises:
        CorruptModel: It is one.
    """
    for magic, title in UNREAD.items():
        if start.startswith(magic):
            raise CorruptModel(
                f"the upload is a {title} archive, which is not read here",
                hint="Pack it as .zip or .tar.gz, or send the files themselves.",
            )


def _decompress(path: Path, name: str, which: str, sink: Sink) -> None:
    try:
        with _opened(path, which) as stream:
            is_tar = tape.is_tar(stream.read(tape.BLOCK))
        with _opened(path, which) as stream:
            if is_tar:
                tape.untar(stream, sink)
            else:
                sink.write(sink.put(_stem(name)), _chunks(stream))
    except (EOFError, OSError, zlib.error) as exc:
        if isinstance(exc, OSError) and exc.errno is not None:  # the disk's word, not the file's
            raise
        raise CorruptModel(
            "the compressed file is damaged or cut short", hint="Send it again, or not packed."
        ) from exc


def _opened(path: Path, which: str) -> io.BufferedReader | bz2.BZ2File:
    if which == "bzip2":
        return bz2.BZ2File(path)
    return io.BufferedReader(Inflated(path.open("rb")), CHUNK)


def _chunks(stream: tape.Stream) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _stem(name: str) -> str:
    for suffix, rest in SUFFIXES.items():
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)] + rest
    return name
