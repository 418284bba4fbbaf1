"""The checks in front of each framework's parser, on bytes alone; no framework is imported."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modelport_plugins.mnn import flatbuffer
from modelport_plugins.ncnn import param
from modelport_plugins.openvino.guard import check_ir
from modelport_plugins.pytorch import program_guard
from modelport_plugins.pytorch.pickle_globals import walk
from modelport_plugins.pytorch.script_guard import check_script
from modelport_sdk import CorruptModel, PluginError, UnsafeModel

EVIL = b"cposix\nsystem\n(X\x04\0\0\0truetR."
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"


def tensor(offset: int, size: int, stride: int) -> bytes:
    """Return a pickled tensor on a storage of four elements."""
    places = b"K%c(K%ct(K%ct" % (offset, size, stride)
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + places + b"\x89NtR."


@pytest.mark.parametrize(
    ("offset", "size", "stride", "outside"),
    [
        (0, 4, 1, 0),
        (0, 2, 3, 0),
        (3, 1, 9, 0),
        (0, 0, 9, 0),
        (0, 5, 1, 1),
        (1, 4, 1, 1),
        (0, 2, 4, 1),
    ],
)
def test_a_tensor_beyond_its_storage_is_seen(
    offset: int, size: int, stride: int, outside: int
) -> None:
    seen = walk(tensor(offset, size, stride))
    assert (seen.outside, seen.storages, seen.broken) == (outside, {"0": ("FloatStorage", 4)}, "")


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as written:
        for name, content in members.items():
            written.writestr(f"m/{name}", content)
    return path


def script(path: Path, code: str = "", data: bytes = tensor(0, 4, 1), stored: int = 16) -> Path:
    source = f"class M(Module):\n  def forward(self, x):\n    {code or 'return x'}\n"
    members = {"data.pkl": data, "data/0": bytes(stored), "code/__torch__.py": source.encode()}
    return archive(path, members)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("", id="plain"),
        pytest.param("return " + "(" * 900 + "x" + ")" * 900, id="900-brackets"),
        pytest.param("return '" + "(" * 5000 + "'", id="brackets-in-a-text"),
        pytest.param("return x # " + "(" * 5000, id="brackets-in-a-comment"),
    ],
)
def test_code_that_the_parser_takes_passes(tmp_path: Path, code: str) -> None:
    check_script(script(tmp_path / "m.pt", code))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("return " + "(" * 1100 + "x" + ")" * 1100, CorruptModel, id="brackets"),
        pytest.param("return " + "-" * 200 + "x", CorruptModel, id="signs"),
        pytest.param("return " + "not " * 200 + "x", CorruptModel, id="words"),
        pytest.param("pass\n" + "  " * 150 + "pass", CorruptModel, id="blocks"),
        pytest.param("return torch.from_file('/etc/passwd')", UnsafeModel, id="reads-a-file"),
        pytest.param("return ops.aten.from_file('/x')", UnsafeModel, id="reads-by-operator"),
    ],
)
def test_code_that_would_crash_or_read_is_refused(tmp_path: Path, code: str, error: type) -> None:
    with pytest.raises(error):
        check_script(script(tmp_path / "m.pt", code))


@pytest.mark.parametrize(
    ("data", "stored"), [(tensor(0, 4, 1), 15), (tensor(0, 4, 1), 0), (tensor(0, 9, 1), 16)]
)
def test_a_script_s_tensors_must_have_their_data(tmp_path: Path, data: bytes, stored: int) -> None:
    with pytest.raises(CorruptModel, match="larger than the data"):
        check_script(script(tmp_path / "m.pt", data=data, stored=stored))


GRAPH = json.dumps({"graph_module": {}}).encode()
CODE = json.dumps({"graph_module": {"x": [{"expr_str": "exec('1')"}]}}).encode()


@pytest.mark.parametrize(
    ("members", "error"),
    [
        pytest.param({"models/model.txt": CODE}, UnsafeModel, id="graph-without-suffix"),
        pytest.param({"MODELS/MODEL": CODE}, UnsafeModel, id="graph-in-capitals"),
        pytest.param({"data/constants/opaque_obj_0": EVIL}, UnsafeModel, id="opaque"),
        pytest.param({"data/constants/OPAQUE_OBJ_0": EVIL}, UnsafeModel, id="opaque-in-capitals"),
        pytest.param({"data/sample_inputs/model": EVIL}, UnsafeModel, id="inputs-without-suffix"),
        pytest.param({"data/weights/MODEL.PT": EVIL}, UnsafeModel, id="weights-in-capitals"),
        pytest.param({"data/aotinductor/m/run": b"\x7fELF"}, UnsafeModel, id="machine-code"),
        pytest.param({"models/MODEL.json": GRAPH}, CorruptModel, id="two-names"),
    ],
)
def test_members_of_a_program_are_judged_by_folder(
    tmp_path: Path, members: dict[str, bytes], error: type
) -> None:
    path = archive(tmp_path / "m.pt2", {"models/model.json": GRAPH, **members})
    with pytest.raises(error):
        program_guard.check_program(path)


@pytest.mark.parametrize(
    ("text", "sober"),
    [
        ("s0**2 + 1", True),
        ("Pow(Symbol('s0'), Integer(-1))", True),
        ("PowByNatural(s0, 3)", True),
        ("9**9**9", False),
        ("(s0**9)**9", False),
        ("Pow(10, Pow(10, 10))", False),
        ("LShift(1, 99999)", False),
        ("s0**s1", False),
        ("10**400 + 9", False),
        ("Pow()", False),
        (str(2**65), False),
    ],
)
def test_symbolic_sizes_cannot_grow_without_bound(text: str, sober: bool) -> None:
    assert program_guard.sober(text) is sober


def test_a_program_may_not_map_files() -> None:
    assert not program_guard.allowed_target("torch.ops.aten.from_file.default")


DATA = '<data element_type="f32" offset="0" shape="2, 2" size="16"/>'
LAYER = f'<layer id="0" type="Const">{DATA}</layer>'


def intermediate(tmp_path: Path, text: str, size: int = 16) -> Path:
    (tmp_path / "m.bin").write_bytes(bytes(size))
    path = tmp_path / "m.xml"
    path.write_text(text, "utf-8")
    return path


def net(layers: str = LAYER, before: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{before}<net name="n" version="11"><layers>{layers}</layers></net>'
    )


def test_a_sound_graph_passes(tmp_path: Path) -> None:
    check_ir(intermediate(tmp_path, net()))


LAUGHS = "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("<!DOCTYPE net>", id="plain"),
        pytest.param('<!DOCTYPE net SYSTEM "file:///etc/passwd">', id="external"),
        pytest.param('<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/passwd">]>', id="entity"),
        pytest.param(f"<!DOCTYPE net [<!ENTITY a 'ha'>{LAUGHS}]>", id="expansion"),
        pytest.param(
            '<!DOCTYPE net [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]>', id="parameter"
        ),
    ],
)
def test_a_document_type_is_refused_before_it_is_read(tmp_path: Path, before: str) -> None:
    with pytest.raises(UnsafeModel, match="document type"):
        check_ir(intermediate(tmp_path, net("&a;", before)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('offset="0"', 'offset="4"'),
        ('offset="0"', 'offset="-4"'),
        ('offset="0"', 'offset="18446744073709551612"'),
        ('size="16"', 'size="99"'),
        ('size="16"', 'size="x"'),
        ('shape="2, 2"', 'shape="2, 3"'),
        ('shape="2, 2"', 'shape="-2, -2"'),
        ("<layer ", "<a>" * 70 + "<layer "),
        ("</layer>", ""),
    ],
)
def test_a_constant_outside_of_the_weights_is_refused(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(CorruptModel):
        check_ir(intermediate(tmp_path, net(LAYER.replace(old, new))))


NETWORK = """7767517
3 3
Input            data   0 1 data 0=8 1=8 2=3
Convolution      conv   1 1 data c 0=4 1=3 6=108
ReLU             relu   1 1 c out -23300=2,1,2
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3 3\n", "3 2\n"),
        ("3 3\n", "3 -3\n"),
        ("3 3\n", "3 2147483647\n"),
        ("1 1 data c", "-1 2 data c"),
        ("1 1 data c", "1 1 out c"),
        ("1 1 c out", "1 1 c data"),
        ("-23300=2,1,2", "-23300=1073741824,1"),
        ("-23300=2,1,2", "-23300=2,1"),
        ("ReLU", "R" * 300),
        ("6=108", "6=108 ReLU hidden 1 1 98 99"),
        ("6=108", "6=108 x"),
        ("data c", "data\x1cc"),
    ],
)
def test_what_ncnn_takes_on_trust_is_checked(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "m.param"
    path.write_text(NETWORK.replace(old, new, 1), "utf-8")
    with pytest.raises(CorruptModel):
        param.read(path)


@pytest.mark.parametrize(
    ("weights", "size", "refused"),
    [
        ("108", 440, False),
        ("108", 54, False),
        ("108", 53, True),
        ("-1", 440, True),
        ("1e9", 440, True),
        ("108 19=1", 0, False),  # dynamic_weight: another layer gives them
        ("108 19=0", 0, True),
    ],
)
def test_weights_must_fit_into_the_bin(
    tmp_path: Path, weights: str, size: int, refused: bool
) -> None:
    path = tmp_path / "m.param"
    path.write_text(NETWORK.replace("6=108", f"6={weights}"), "utf-8")
    layers = param.read(path)
    if not refused:
        param.check_weights(layers, size)
        return
    with pytest.raises(CorruptModel, match=r"more than the \.bin holds"):
        param.check_weights(layers, size)


def operators(count: int) -> bytes:
    """Return a flatbuffer whose list names one operator ``count`` times."""
    head = struct.pack("<I6H", 16, 12, 8, 0, 0, 0, 4)
    net = struct.pack("<iII", 12, 4, count)
    end = len(head) + len(net) + 4 * count
    listed = b"".join(struct.pack("<I", end + 4 - 28 - 4 * i) for i in range(count))
    return head + net + listed + struct.pack("<2Hi", 4, 4, 4)


def test_an_operator_named_again_and_again_is_counted() -> None:
    assert list(flatbuffer.op_types(operators(5))) == [0] * 5
    with pytest.raises(flatbuffer.Malformed, match="more operators"):
        list(flatbuffer.op_types(operators(flatbuffer.MOST + 1)))


@pytest.mark.parametrize("guard", [check_script, program_guard.check_program])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_no_archive_is_a_typed_error_or_nothing(tmp_path: Path, guard: Any, content: bytes) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(content)
    try:
        guard(path)
    except PluginError:
        return
    assert zipfile.is_zipfile(io.BytesIO(content))
