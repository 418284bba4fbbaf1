"""Models that are archives themselves, and what is said of uploads that no plugin reads."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from modelport.engine.answers import described
from modelport.errors import CorruptModel, TooLarge, UnsupportedOperator
from modelport.intake import zipped
from modelport.intake.looks import census, look
from modelport_sdk import Head


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


PLAIN = packed(("m/data.pkl", b"x" * 99), ("m/version", b"3"))
SECOND = PLAIN.rfind(b"PK\x01\x02")
END = PLAIN.rfind(b"PK\x05\x06")


def gap() -> bytes:
    """Return an archive with bytes between its directory and its end: two ways to find it."""
    return PLAIN[:END] + bytes(46) + PLAIN[END:]


def lying_offset() -> bytes:
    data = bytearray(gap())
    struct.pack_into(
        "<L", data, END + 46 + 16, struct.unpack_from("<L", data, END + 46 + 16)[0] + 46
    )
    return bytes(data)


def reaching() -> bytes:
    """Return an archive whose last entry reaches into the directory."""
    data = bytearray(PLAIN)
    for at in (SECOND + 20, SECOND + 24):
        struct.pack_into("<L", data, at, 40)
    return bytes(data)


def checked(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(data)
    zipped.check(path)


def test_an_archive_as_frameworks_write_it_passes(tmp_path: Path) -> None:
    checked(tmp_path, PLAIN)
    checked(tmp_path, packed(("m/data.pkl", b"x" * 9999), method=zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(packed(("m/data.pkl", b""), ("M/DATA.pkl", b"")), "two entries", id="case"),
        pytest.param(gap(), "not where it says", id="gap"),
        pytest.param(lying_offset(), "directory is damaged", id="offset"),
        pytest.param(reaching(), "overlaps", id="into-the-directory"),
        pytest.param(b"PK\x03\x04" + PLAIN, "directory", id="something-in-front"),
        pytest.param(PLAIN[:-22], "cut short", id="no-end"),
    ],
)
def test_an_archive_that_two_readers_take_differently_is_refused(
    tmp_path: Path, data: bytes, says: str
) -> None:
    with pytest.raises(CorruptModel, match=says):
        checked(tmp_path, data)


def test_an_archive_that_declares_a_bomb_is_refused_without_unpacking(tmp_path: Path) -> None:
    data = bytearray(PLAIN)
    struct.pack_into("<L", data, SECOND + 24, 2**31)
    with pytest.raises(TooLarge, match="200 times"):
        checked(tmp_path, bytes(data))


@pytest.mark.parametrize(
    ("name", "first", "says"),
    [
        ("saved_model.pb", b"\x08\x01\x12\xff", "a TensorFlow SavedModel"),
        ("m.h5", b"\x89HDF\r\n\x1a\n", "a Keras or other HDF5 file"),
        ("m.prototxt", b'name: "n"\nlayer {', "the description of a Caffe model"),
        ("m.caffemodel", b"\x0a\x04name\xff\xfe", "the weights of a Caffe model"),
        ("m-symbol.json", b'{"nodes": []}', "the description of an MXNet model"),
        ("m.pdmodel", b"\x0a\xff\xfe\0\1", "a Paddle model"),
        ("m.pdmodel", b"hello", "a text"),
        ("saved_model.pb", b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        ("m.prototxt", b"hello", "a text"),
    ],
)
def test_another_framework_s_model_is_named(name: str, first: bytes, says: str) -> None:
    assert look(Head(name, first, (), len(first))) == says


def test_the_models_among_many_files_are_what_is_named() -> None:
    looks = ["a JSON text", "the description of a Keras model", "a JSON text"]
    assert census(looks) == "the description of a Keras model"


def description(**more: object) -> dict[str, object]:
    return {"description": {"inputs": [], "outputs": [], **more}}


def port(name: str) -> dict[str, object]:
    return {"name": name, "dtype": "float32", "shape": [1]}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"inputs": [port(f"x{i}") for i in range(5000)]}, id="many-inputs"),
        pytest.param({"outputs": [port("y" * 5_000_000)]}, id="a-long-name"),
        pytest.param({"details": {"x": ["z" * 1000] * 5000}}, id="details"),
    ],
)
def test_a_model_that_says_too_much_of_itself_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(TooLarge, match="4 MiB"):
        described("onnx", description(**more))


def test_what_is_merely_long_is_shortened() -> None:
    metadata = {f"k{i}": "v" * 30_000 for i in range(100)}
    operators = {f"Op{i}": 9999 - i for i in range(9999)}
    found = described("onnx", description(metadata=metadata, operators=operators))
    assert max(map(len, found.metadata.values())) == 20_000
    assert list(found.operators) == [f"Op{i}" for i in range(2000)]


def test_a_message_moves_no_cursor_and_can_be_encoded() -> None:
    name = "\x1b[2J\u202eowned\ud800\nsecond 模型"
    error = UnsupportedOperator(name, hint=name, operators={name: 1})
    told = error.to_json()
    assert told["detail"] == told["hint"] == next(iter(told["operators"]))
    assert told["detail"] == "?[2J?owned? second 模型"
