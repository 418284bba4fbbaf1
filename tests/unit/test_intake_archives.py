"""Archives in an upload: honest ones are unpacked, hostile ones are refused and leave nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import struct
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelport.errors import AmbiguousFormat, CorruptModel, InputError, TooLarge
from modelport.intake import gather
from modelport.intake.naming import relative, safe
from modelport_sdk import Format

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MODELPORT_SHARED", ROOT.parent / "shared"))
CASES = SHARED / "hostile"
CANARY = Path("/tmp/modelport-canary")  # where the cases try to write


@dataclass(frozen=True)
class Room:
    disk: int = 2**30
    files: int = 1000


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str = "w", form: int = 1) -> Path:
    with tarfile.open(path, mode, format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


MEMBERS = {"模型/net.param": b"p" * 70_000, "模型/net.bin": os.urandom(300_000), "模型/空.txt": b""}
WANTED = {name.removeprefix("模型/"): content for name, content in MEMBERS.items()}


@pytest.mark.parametrize(
    ("name", "make"),
    [
        pytest.param("a.zip", zipped, id="zip"),
        pytest.param("a.zip", lambda p, m: zipped(p, m, zipfile.ZIP_STORED), id="zip-stored"),
        pytest.param("a.tar", tarred, id="tar-gnu"),
        pytest.param("a.tar", lambda p, m: tarred(p, m, form=tarfile.PAX_FORMAT), id="tar-pax"),
        pytest.param("a.tgz", lambda p, m: tarred(p, m, "w:gz"), id="tgz"),
        pytest.param("a.tar.bz2", lambda p, m: tarred(p, m, "w:bz2"), id="tar-bz2"),
    ],
)
def test_an_archive_is_unpacked_and_its_only_folder_left_out(tmp_path, name, make) -> None:
    archive = make(tmp_path / name, MEMBERS)
    assert contents(gather([archive], tmp_path / "in", Room())) == WANTED


@pytest.mark.parametrize(
    ("name", "pack"), [("m.onnx.gz", gzip.compress), ("m.onnx.bz2", bz2.compress)]
)
def test_a_compressed_file_loses_its_suffix(tmp_path, name, pack) -> None:
    (tmp_path / name).write_bytes(pack(b"model" * 1000))
    assert contents(gather([tmp_path / name], tmp_path / "in", Room())) == {
        "m.onnx": b"model" * 1000
    }


def test_an_archive_in_an_archive_is_unpacked(tmp_path) -> None:
    inner = tarred(tmp_path / "inner.tgz", {"m.onnx": b"model"}, "w:gz")
    outer = zipped(tmp_path / "outer.zip", {"folder/inner.tgz": inner.read_bytes()})
    assert contents(gather([outer], tmp_path / "in", Room())) == {"m.onnx": b"model"}


def test_a_desktop_s_junk_is_left_out(tmp_path) -> None:
    junk = {"__MACOSX/._m.onnx": b"x", ".DS_Store": b"x", "a/Thumbs.db": b"x", "a/m.onnx": b"model"}
    assert contents(gather([zipped(tmp_path / "a.zip", junk)], tmp_path / "in", Room())) == {
        "m.onnx": b"model"
    }


def test_a_name_in_gbk_is_read_as_windows_in_china_wrote_it(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {"AAAA.onnx": b"model"})
    path.write_bytes(path.read_bytes().replace(b"AAAA", "模型".encode("gbk")))
    assert contents(gather([path], tmp_path / "in", Room())) == {"模型.onnx": b"model"}


def test_a_model_that_is_a_zip_is_kept_whole(tmp_path) -> None:
    script = Format("ts", "TS", lambda head: float("m/constants.pkl" in head.members), main="*.pt")
    path = zipped(tmp_path / "m.pt", {"m/constants.pkl": b"x", "m/data.pkl": b"y"})
    assert list(contents(gather([path], tmp_path / "in", Room(), [script]))) == ["m.pt"]


def cases() -> list[tuple[str, Path]]:
    if not (CASES / "manifest.json").is_file():
        return []
    rows = json.loads((CASES / "manifest.json").read_text("utf-8"))
    return [
        (row["id"], CASES / "cases" / name)
        for row in rows
        if row["format"] in {"zip", "tar"}
        for name in row["files"]
    ]


@pytest.mark.skipif(not cases(), reason="MODELPORT_SHARED names no folder with hostile/cases")
@pytest.mark.parametrize("path", [pytest.param(path, id=name) for name, path in cases()])
def test_a_hostile_archive_is_refused_and_nothing_is_left(tmp_path, path) -> None:
    with pytest.raises(InputError) as refusal:
        gather([path], tmp_path / "in", Room())
    assert refusal.value.hint
    assert list(tmp_path.iterdir()) == []
    assert list(CANARY.glob("*")) == []


def changed(path: Path, at: int, form: str, value: int, *, behind: bytes = b"PK\x01\x02") -> Path:
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.find(behind) + at, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("at", "form", "value", "says"),
    [
        pytest.param(8, "<H", 1, "encrypted", id="encrypted"),
        pytest.param(24, "<L", 7, "longer than it says", id="declares-less"),
        pytest.param(24, "<L", 2**31, "size or checksum", id="declares-more"),
        pytest.param(16, "<L", 1, "size or checksum", id="checksum"),
        pytest.param(38, "<L", 0o120777 << 16, "no regular file", id="symbolic-link"),
        pytest.param(38, "<L", 0o010666 << 16, "no regular file", id="fifo"),
        pytest.param(10, "<H", 14, "method 14", id="lzma"),
        pytest.param(42, "<L", 5, "not where", id="offset"),
        pytest.param(28, "<H", 60_000, "director", id="name-length"),
    ],
)
def test_a_lying_zip_is_refused(tmp_path, at, form, value, says) -> None:
    path = changed(zipped(tmp_path / "a.zip", {"m.onnx": b"model" * 100}), at, form, value)
    with pytest.raises(CorruptModel, match=says):
        gather([path], tmp_path / "in", Room())


def test_overlapping_entries_are_refused(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.onnx": b"model" * 100, "b.onnx": b"other" * 100})
    data = path.read_bytes()
    second = data.rfind(b"PK\x01\x02")
    data = data.replace(b"b.onnx", b"a.onnx")
    path.write_bytes(data[: second + 42] + b"\0\0\0\0" + data[second + 46 :])
    with pytest.raises(CorruptModel, match="overlaps"):
        gather([path], tmp_path / "in", Room())


@pytest.mark.parametrize("cut", [4, 30, 100, 200])
@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
def test_a_truncated_archive_is_refused(tmp_path, name, cut) -> None:
    make = {"a.zip": zipped, "a.tar": tarred}.get(name, lambda p, m: tarred(p, m, "w:gz"))
    path = make(tmp_path / name, {"m.onnx": os.urandom(900)})
    path.write_bytes(path.read_bytes()[: 512 + cut if name == "a.tar" else cut])
    with pytest.raises(InputError):
        gather([path], tmp_path / "in", Room())


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"6", b"S"])
def test_a_tar_with_anything_but_files_is_refused(tmp_path, kind) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("m.onnx")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(CorruptModel, match="no regular file"):
        gather([tmp_path / "a.tar"], tmp_path / "in", Room())


@pytest.mark.parametrize(
    "room", [pytest.param(Room(disk=9_999), id="bytes"), pytest.param(Room(files=2), id="files")]
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_real_bytes_and_files_are_capped(tmp_path, room, make) -> None:
    path = make(tmp_path / "a", {f"{i}.bin": bytes(4_000) for i in range(3)})
    path = path.rename(tmp_path / ("a.zip" if make is zipped else "a.tar"))
    with pytest.raises(TooLarge):
        gather([path], tmp_path / "in", room)


def test_a_bomb_is_stopped_by_its_ratio(tmp_path) -> None:
    (tmp_path / "m.onnx.gz").write_bytes(gzip.compress(bytes(2**20), 9) * 300)
    with pytest.raises(TooLarge, match="200 times"):
        gather([tmp_path / "m.onnx.gz"], tmp_path / "in", Room(disk=2**40))


def test_a_tar_header_of_any_length_is_not_read(tmp_path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(CorruptModel, match="longer than 64 KiB"):
        gather([tmp_path / "a.tar"], tmp_path / "in", Room())


def test_two_archives_in_one_are_refused(tmp_path) -> None:
    inner = zipped(tmp_path / "i.zip", {"m.onnx": b"model"}).read_bytes()
    outer = zipped(tmp_path / "o.zip", {"1.zip": inner, "2.zip": inner})
    with pytest.raises(AmbiguousFormat, match="2 archives"):
        gather([outer], tmp_path / "in", Room())


def test_a_link_in_a_folder_is_refused(tmp_path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "m.onnx").symlink_to("/etc/hostname")
    with pytest.raises(CorruptModel, match="link"):
        gather([tmp_path / "m"], tmp_path / "in", Room())


@given(st.text(st.characters(exclude_categories=()), max_size=400))
@settings(deadline=None)
def test_a_safe_name_is_one_visible_component_of_legal_length(name) -> None:
    made = safe(name)
    assert made == safe(made)
    assert not set(made) & set("/\\\0\r\n")
    assert made[0] not in "-.@~"
    assert len(made.encode("utf-8")) <= 200


@pytest.mark.parametrize("name", ["模型.onnx", "onnx::MatMul_12", "a b (1).onnx", "naïve.pt"])
def test_an_honest_name_is_kept(name) -> None:
    assert relative(f"./weights/{name}") == ("weights", name)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:/x", "..\\x", "\\x"])
def test_a_name_that_leads_out_is_refused(name) -> None:
    with pytest.raises(CorruptModel, match="leads out"):
        relative(name)
