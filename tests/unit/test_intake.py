"""Finding the model in an upload, and saying what an upload looks like that holds none."""

from __future__ import annotations

import hashlib
import io
import pickle
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelport.errors import AmbiguousFormat, CorruptModel, InputError, UnknownFormat
from modelport.intake import gather, head, identify
from modelport_sdk import Format, Head


def signed(magic: bytes, suffix: str):
    def match(head: Head) -> float:
        return 1.0 if head.first.startswith(magic) else 0.2 if head.name.endswith(suffix) else 0.0

    return match


GRAPH = Format("graph", "Graph", signed(b"GRAPH", ".graph"), main="*.graph", parts=("*",))
PAIR = Format(
    "pair", "Pair", signed(b"7767517", ".param"), main="*.param", parts=("*.bin",), needs=("*.bin",)
)
LONE = Format("lone", "Lone", signed(b"LONE", ".lone"), main="*.lone")
TWIN = Format("twin", "Twin", signed(b"LONE", ".twin"), main="*.twin")
FORMATS = (GRAPH, PAIR, LONE)


@dataclass(frozen=True)
class Room:
    disk: int = 2**30
    files: int = 1000


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.mark.parametrize(
    ("files", "want"),
    [
        pytest.param({"m.lone": b"LONE"}, ("lone", "m.lone"), id="one-file"),
        pytest.param({"模型.lone": b"LONE"}, ("lone", "模型.lone"), id="chinese"),
        pytest.param({"M.LONE": b"LONE"}, ("lone", "M.LONE"), id="upper-case"),
        pytest.param({"m.weird": b"LONE"}, ("lone", "m.lone"), id="wrong-suffix-is-mended"),
        pytest.param({"m.lone": b"LONE", "README.md": b"# x"}, ("lone", "m.lone"), id="readme"),
        pytest.param(
            {"m.param": b"7767517", "m.bin": b"w"}, ("pair", "m.param", "m.bin"), id="pair"
        ),
        pytest.param(
            {"m.graph": b"GRAPH", "w/onnx::MatMul_1": b"w", "m.data": b"d"},
            ("graph", "m.graph", "m.data", "w/onnx::MatMul_1"),
            id="anything-beside-it",
        ),
        pytest.param(
            {"m.graph": b"GRAPH", "weights.bin": b"LONE, by chance"},
            ("graph", "m.graph", "weights.bin"),
            id="weights-that-look-like-a-model",
        ),
    ],
)
def test_the_model_is_found_with_its_files(tmp_path, files, want) -> None:
    found = identify(folder(tmp_path, files), FORMATS)
    assert (found.format, *found.files) == want


@pytest.mark.parametrize(
    ("files", "formats", "says"),
    [
        pytest.param({"a.lone": b"LONE", "b.lone": b"LONE"}, FORMATS, "a.lone", id="two-models"),
        pytest.param({"a.graph": b"GRAPH", "b.graph": b"GRAPH"}, FORMATS, "b.graph", id="two-wide"),
        pytest.param({"a.x": b"LONE"}, (LONE, TWIN), "Lone and Twin", id="two-formats"),
    ],
)
def test_two_models_are_both_named(tmp_path, files, formats, says) -> None:
    with pytest.raises(AmbiguousFormat, match=says):
        identify(folder(tmp_path, files), formats)


def test_a_suffix_settles_between_two_formats(tmp_path) -> None:
    assert identify(folder(tmp_path, {"a.twin": b"LONE"}), (LONE, TWIN)).format == "twin"


def test_the_source_named_settles_between_two_models(tmp_path) -> None:
    files = {"a.lone": b"LONE", "b.param": b"7767517", "b.bin": b"w"}
    assert identify(folder(tmp_path, files), FORMATS, source="pair").main == "b.param"


def test_a_weak_match_counts_when_the_source_is_named(tmp_path) -> None:
    assert identify(folder(tmp_path, {"m.lone": b"?"}), FORMATS, source="lone").format == "lone"


def test_a_missing_part_is_named(tmp_path) -> None:
    with pytest.raises(CorruptModel) as refusal:
        identify(folder(tmp_path, {"net.param": b"7767517"}), FORMATS)
    assert (str(refusal.value), refusal.value.hint) == (
        "the .bin file that belongs to 'net.param' is missing",
        "Send both files together: net.param and net.bin.",
    )


def test_weights_alone_ask_for_their_graph(tmp_path) -> None:
    with pytest.raises(UnknownFormat) as refusal:
        identify(folder(tmp_path, {"net.bin": bytes(range(256))}), FORMATS)
    assert "*.param (Pair)" in refusal.value.hint


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


def test_a_part_that_is_a_git_lfs_pointer_is_named(tmp_path) -> None:
    with pytest.raises(CorruptModel, match=r"'m\.data' is a Git LFS pointer") as refusal:
        identify(folder(tmp_path, {"m.graph": b"GRAPH", "m.data": LFS}), FORMATS)
    assert "git lfs pull" in refusal.value.hint


def pictures() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(4):
            archive.writestr(f"holiday/IMG_{index}.JPG", b"\xff\xd8\xff\xe0" + bytes(100))
    return buffer.getvalue()


NOISE = random.Random(7).randbytes(5000)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("m.lone", b"", "an empty file", id="empty"),
        pytest.param(
            "m.lone", NOISE, "binary data of no kind we know; its name suggests Lone", id="random"
        ),
        pytest.param("m.lone", b"hello\nworld\n", "a text", id="text"),
        pytest.param("模.lone", "你好世界".encode(), "a text", id="chinese-text"),
        pytest.param("m.lone", b"<!DOCTYPE html><html>", "a web page", id="html"),
        pytest.param("m.json", b'{"a": 1}', "a JSON text", id="json"),
        pytest.param("train.py", b"import os\n", "source text", id="source"),
        pytest.param("m.lone", b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG picture", id="png"),
        pytest.param("m.lone", b"%PDF-1.7", "a PDF", id="pdf"),
        pytest.param("m.lone", LFS, "a Git LFS pointer", id="lfs"),
        pytest.param("m.pkl", pickle.dumps([1, 2]), "a Python pickle", id="pickle"),
        pytest.param("m.tflite", b"\x1c\0\0\0TFL3" + bytes(99), "a TensorFlow Lite", id="tflite"),
        pytest.param("m.lone", bytes(4096), "zeros", id="zeros"),
        pytest.param("m.pt", pictures()[:200], "a zip archive", id="truncated-zip"),
        pytest.param("p.zip", pictures(), "4 files, each a JPEG picture", id="pictures"),
    ],
)
def test_an_upload_without_a_model_is_told_what_it_looks_like(
    tmp_path, name, content, says
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnknownFormat, match=says) as refusal:
        identify(gather([tmp_path / name], tmp_path / "in", Room(), FORMATS), FORMATS)
    assert refusal.value.hint


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"7z\xbc\xaf\x27\x1c", id="7z"), pytest.param(b"Rar!\x1a\x07", id="rar")],
)
def test_an_archive_that_is_not_read_says_which_are(tmp_path, content) -> None:
    (tmp_path / "m.lone").write_bytes(content)
    with pytest.raises(InputError) as refusal:
        gather([tmp_path / "m.lone"], tmp_path / "in", Room())
    assert ".zip" in refusal.value.hint


def test_the_digest_tells_names_and_contents_apart(tmp_path) -> None:
    files = [{"a.lone": b"LONE"}, {"b.lone": b"LONE"}, {"a.lone": b"LONEx"}]
    found = [identify(folder(tmp_path / str(i), one), FORMATS) for i, one in enumerate(files)]
    assert len({one.sha256 for one in found}) == 3


def test_gather_leaves_the_user_s_files_alone(tmp_path) -> None:
    source = folder(tmp_path / "user", {"m.lone": b"LONE"}) / "m.lone"
    gather([source], tmp_path / "in", Room())
    (tmp_path / "in" / "m.lone").write_bytes(b"changed")
    assert (source.read_bytes(), source.stat().st_nlink) == (b"LONE", 1)


def test_gather_moves_what_it_may_move(tmp_path) -> None:
    source = folder(tmp_path / "user", {"m.lone": b"LONE"}) / "m.lone"
    gather([source], tmp_path / "in", Room(), move=True)
    assert (source.exists(), (tmp_path / "in" / "m.lone").read_bytes()) == (False, b"LONE")


def test_two_files_of_one_name_are_refused(tmp_path) -> None:
    folder(tmp_path, {"a/m.lone": b"LONE", "b/m.lone": b"LONE"})
    with pytest.raises(CorruptModel, match="two files"):
        gather([tmp_path / "a" / "m.lone", tmp_path / "b" / "m.lone"], tmp_path / "in", Room())


def test_a_head_holds_no_more_than_64_kib(tmp_path) -> None:
    (tmp_path / "Big.Lone").write_bytes(bytes(100_000))
    found = head(tmp_path / "Big.Lone")
    assert (found.name, len(found.first), found.size) == ("big.lone", 65_536, 100_000)


def test_the_members_of_a_zip_are_in_its_head(tmp_path) -> None:
    (tmp_path / "p.zip").write_bytes(pictures())
    assert head(tmp_path / "p.zip").members[0] == "holiday/IMG_0.JPG"


def test_the_digest_of_one_file_is_documented_by_this(tmp_path) -> None:
    folder(tmp_path, {"m.lone": b"LONE"})
    inner = hashlib.sha256(b"LONE").hexdigest()
    want = hashlib.sha256(f"6:m.lone\n{inner}\n".encode()).hexdigest()
    assert identify(tmp_path, FORMATS).sha256 == want
