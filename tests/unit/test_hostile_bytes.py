"""What strangers' bytes may cost: finds that are too large for the corpora of tests/fuzz."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from python_multipart.exceptions import FormParserError

from modelport import verify
from modelport.errors import AmbiguousFormat, BadInputs, CorruptModel, PluginBug
from modelport.inputs import BYTES, drawable
from modelport.intake import arrays, gather, identify
from modelport.intake.inflation import INPUT, Inflated
from modelport.model import Case, Description, Tensor, Verdict, jsonable
from modelport.sandbox import answer, collect, default_limits, prepare
from modelport_api import problems
from modelport_api.storage.forms import Form
from modelport_api.storage.uploads import Sink
from modelport_plugins.openvino.guard import check_ir
from modelport_sdk import CorruptModel as Corrupt
from modelport_sdk import Format


@dataclass(frozen=True)
class Room:
    disk: int = 2**30
    files: int = 1000


class Counted(io.BytesIO):
    """Counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


def test_a_long_name_in_a_gzip_header_is_not_read_byte_by_byte() -> None:
    named = bytearray(gzip.compress(b"model"))
    named[3] |= 8  # FNAME: a name follows the ten bytes of the header
    stream = Counted(named[:10] + b"n" * 2**20 + b"\0" + named[10:] + bytes(2**20))
    content = io.BufferedReader(Inflated(stream)).read()
    assert (content, stream.reads < 4 * 2**21 // INPUT) == (b"model", True)


def test_members_of_a_gzip_file_follow_one_another() -> None:
    parts = [b"a" * 100_000, b"", b"b", bytes(300_000)]
    packed = b"".join(map(gzip.compress, parts)) + bytes(50)
    assert io.BufferedReader(Inflated(io.BytesIO(packed))).read() == b"".join(parts)


@pytest.mark.parametrize("record", [b"1" * 5000 + b" path=a\n", "11 size=²\n".encode()])
def test_digits_of_a_pax_header_that_are_no_length_are_refused(tmp_path: Path, record) -> None:
    block = bytearray(512)
    block[:1], block[124:136], block[156:157] = b"p", b"%011o\0" % len(record), b"x"
    block[148:156] = b"%06o\0 " % (sum(block) + 8 * 32)
    body = record + bytes(-len(record) % 512)
    member = bytearray(512)
    member[:1], member[156:157] = b"m", b"0"
    member[148:156] = b"%06o\0 " % (sum(member) + 8 * 32)
    (tmp_path / "a.tar").write_bytes(bytes(block) + body + bytes(member) + bytes(1024))
    with pytest.raises(CorruptModel, match="pax record"):
        gather([tmp_path / "a.tar"], tmp_path / "in", Room())


def test_hundreds_of_models_are_refused_before_they_are_compared(tmp_path: Path) -> None:
    lone = Format("lone", "Lone", lambda head: 1.0, main="*.lone")
    for index in range(257):
        (tmp_path / f"{index}.lone").write_bytes(b"LONE")
    with pytest.raises(AmbiguousFormat, match="more than 256 files"):
        identify(tmp_path, [lone])


def test_a_header_of_a_form_is_not_kept_whatever_its_length(tmp_path: Path) -> None:
    form = Form(Sink(tmp_path, 2**30, 0), b"b")
    form.write(b"--b\r\nContent-Disposition: ")
    with pytest.raises(FormParserError, match="header size"):
        form.write(b"x" * 2**20)


@pytest.mark.parametrize(
    "name",
    ["a/../b", "/etc/x", "", ".", "a//b", "a\0b", "a\nb", "a\\b", "x/" * 600, "\ud800"],
)
def test_a_result_with_a_name_that_no_file_may_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginBug):
        collect(prepare(tmp_path / "job"), [name], tmp_path / "into", default_limits())


def test_a_result_in_a_folder_with_a_name_of_any_script_is_moved(tmp_path: Path) -> None:
    job = prepare(tmp_path / "job")
    (job / "out" / "模型").mkdir()
    (job / "out" / "模型" / "a b\u3000(1).bin").write_bytes(b"x")
    names = ["模型/a b\u3000(1).bin"]
    assert collect(job, names, tmp_path / "into", default_limits()) == tuple(names)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_beyond_the_limit_are_not_unpacked(tmp_path: Path, save) -> None:
    save(tmp_path / "x.npz", x=np.zeros(1000))
    with pytest.raises(BadInputs, match="at most 1000 are read"):
        arrays.load(tmp_path / "x.npz", 1000)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.zeros((0, 3)), id="empty"),
        pytest.param(np.float32(1.5), id="scalar"),
        pytest.param(np.asfortranarray(np.arange(6.0).reshape(2, 3)), id="fortran"),
        pytest.param(np.array(["naïve", "模型"]), id="text"),
        pytest.param(np.array([1 + 2j], np.complex64), id="complex"),
        pytest.param(np.array([True, False]), id="bool"),
        pytest.param(np.arange(3, dtype=">i2"), id="big-endian"),
    ],
)
def test_what_numpy_writes_is_read(tmp_path: Path, array) -> None:
    np.savez(tmp_path / "x.npz", x=array)
    np.save(tmp_path / "x.npy", array)
    for found in (arrays.load(tmp_path / "x.npz", 4096)["x"], arrays.mapped(tmp_path / "x.npy")):
        np.testing.assert_array_equal(found, array, strict=True)


def test_shapes_that_nobody_could_fill_are_not_drawn() -> None:
    model = Description("onnx", (Tensor("x", "float32", ("n",)),), ())
    rungs = [{"x": (BYTES // 4,)}, {"x": (BYTES // 4 + 1,)}, {"x": (1,) * 33}]
    assert drawable(model, rungs) == (rungs[0],)


def test_an_error_with_a_lone_surrogate_can_be_sent() -> None:
    sent = problems.response(problems.BadRequest("\ud800", hint="h"))
    assert json.loads(sent.body)["detail"] == "?"


def test_an_answer_keeps_its_text_and_loses_what_utf8_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(
        '{"protocol": 1, "ok": true, "名": ["\\ud800é"]}', "utf-8"
    )
    assert answer.read(tmp_path / "result.json", "plugin:onnx")["名"] == ["?é"]


@pytest.mark.parametrize(
    ("said", "want"),
    [
        pytest.param("model # {job}/code/x.py", "model # code/x.py", id="whole"),
        pytest.param("model # {cut}", "model #", id="cut-short-by-the-plugin"),
        pytest.param("the sizes are 3/4", "the sizes are 3/4", id="no-path"),
    ],
)
def test_no_path_of_ours_is_in_a_message(tmp_path: Path, said: str, want: str) -> None:
    job = tmp_path / "jobs" / "0123456789"
    text = said.format(job=job, cut=str(job)[:-5])
    error = {"code": "plugin-bug", "message": text, "hint": "", "operators": {}}
    told = {"protocol": 1, "ok": False, "error": error}
    (tmp_path / "result.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(PluginBug) as caught:
        answer.read(tmp_path / "result.json", "plugin:onnx", (job,))
    assert str(caught.value) == want


def test_prose_shows_no_path_cut_short_and_names_stay_whole(tmp_path: Path) -> None:
    job = tmp_path / "jobs" / "0123456789"
    cut = str(job)[:-5]
    runs = [{"error": f"no file {cut}", "cases": [{"error": f"see {cut}"}]}]
    told = {"protocol": 1, "ok": True, "notes": [f"kept {cut}"], "runs": runs, "names": [cut[:6]]}
    (tmp_path / "result.json").write_text(json.dumps(told), "utf-8")
    result = answer.read(tmp_path / "result.json", "plugin:onnx", (job,))
    assert result["notes"] == ["kept"]
    assert result["runs"] == [{"error": "no file", "cases": [{"error": "see"}]}]
    assert result["names"] == [cut[:6]], "a tensor may be called so"


def test_a_shape_of_hundreds_of_sizes_is_refused_before_they_are_multiplied(tmp_path: Path) -> None:
    text = '<net><data element_type="f32" shape="%s" offset="0" size="4"/></net>'
    (tmp_path / "m.xml").write_text(text % ",".join(["1"] * 65))
    (tmp_path / "m.bin").write_bytes(bytes(4))
    with pytest.raises(Corrupt, match="impossible shape"):
        check_ir(tmp_path / "m.xml")


@pytest.mark.parametrize("kind", ["U1", "S1", "V2", "c8", "i8", "?"])
def test_outputs_of_another_type_are_never_verified_and_break_nothing(kind: str) -> None:
    said = [Case(name, "normal", typical=True, feeds={}) for name in "abc"]
    reference = {one.id: {"y": np.arange(6, dtype=np.float32)} for one in said}
    others = {one.id: {"y": np.zeros(6, kind)} for one in said}
    floor = verify.Floor.from_json(
        json.loads(json.dumps(jsonable(verify.floor(reference, {"basic": others}, said).to_json())))
    )
    test = verify.faults(reference, [others], said, floor, precision="float32", rounded=others)
    still = verify.sensitive(reference, said, floor)
    verdict = verify.judge(
        *(reference, others, said, floor),
        precision="float32",
        guards=verify.Guards(tuple(still), test),
        rounded=others,
    )
    assert verdict.verdict in {Verdict.DIFFERENT, Verdict.UNVERIFIED}
