"""What the PyTorch plugin decides about a file without loading it."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from modelport_plugins.pytorch import format as formats
from modelport_plugins.pytorch import program_guard
from modelport_plugins.pytorch.pickle_globals import walk
from modelport_plugins.pytorch.pickle_verdict import contents
from modelport_plugins.pytorch.weights_inspector import read_header
from modelport_sdk import CorruptModel, Head, PluginError, UnsafeModel


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


# STACK_GLOBAL on memo slots that were overwritten: os, system, though safer words came first.
SHUFFLED = (
    b"\x80\x04\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94"
    b"\x8c\x05posixq\x00\x8c\x06systemq\x01h\x00h\x01\x93."
)


@pytest.mark.parametrize("protocol", range(5))
def test_a_pickle_that_calls_the_system_is_unsafe(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "m.pth"
    path.write_bytes(pickle.dumps(Attack(), protocol))
    with pytest.raises(UnsafeModel, match=r"system"):
        contents(path)


def test_names_out_of_an_overwritten_memo_are_followed() -> None:
    assert list(walk(SHUFFLED).names) == ["posix.system"]


def test_a_payload_before_a_broken_opcode_is_unsafe(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    path.write_bytes(pickle.dumps(Attack(), 2)[:-1] + b"\xff")
    with pytest.raises(UnsafeModel):
        contents(path)


def test_the_class_of_a_pickled_module_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    path.write_bytes(b"\x80\x02cmy.models\nNet\n)\x81.")
    assert contents(path).modules == ("my.models.Net",)


def test_a_dictionary_of_plain_values_asks_for_nothing_dangerous(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    path.write_bytes(pickle.dumps(OrderedDict(a=1), 2))
    assert contents(path).modules == ()


@pytest.mark.parametrize("data", [b"", b"\x80\x02", b"\x80\x02\x8b\xff\xff\xff\x7f", b"\0" * 99])
def test_any_bytes_give_a_typed_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.pth"
    path.write_bytes(data)
    with pytest.raises(PluginError):
        contents(path)


@pytest.mark.parametrize(
    ("text", "sober"),
    [
        ("Symbol('s31', positive=True, integer=True)", True),
        ("Add(Symbol('s16', positive=True, integer=True), Integer(-2))", True),
        ("2*s0 + 1", True),
        ("__import__('os').system('true')", False),
        ("Symbol('s0').__class__", False),
        ("exec('1')", False),
        ("(" * 5000, False),
    ],
)
def test_symbolic_sizes_are_arithmetic_or_refused(text: str, sober: bool) -> None:
    assert program_guard.sober(text) is sober


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("torch.ops.aten.conv2d.default", True),
        ("_operator.add", True),
        ("0.weight", True),
        ("torch.utils.collect_env.run", False),
        ("torch.hub.load", False),
        ("_operator.methodcaller", False),
        ("torch.ops.aten.conv2d.__globals__", False),
    ],
)
def test_call_targets_are_operators_or_refused(target: str, allowed: bool) -> None:
    assert program_guard.allowed_target(target) is allowed


@pytest.mark.parametrize(
    "graph",
    [
        {"config": {"w": {"use_pickle": True}}},
        {"nodes": [{"target": "torch.hub.load"}]},
        {"sizes": [{"expr_str": "open('x')"}]},
        {"in_spec": json.dumps([1, {"type": "my.Class", "children_spec": []}])},
    ],
)
def test_an_archive_that_would_run_code_is_unsafe(tmp_path: Path, graph: dict[str, Any]) -> None:
    path = tmp_path / "m.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/models/model.json", json.dumps({"graph_module": {}, **graph}))
    with pytest.raises(UnsafeModel):
        program_guard.check_program(path)


def _safetensors(entry: dict[str, Any], data: bytes) -> bytes:
    header = json.dumps({"w": entry}).encode()
    return struct.pack("<Q", len(header)) + header + data


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 80]},
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
    ],
)
def test_a_header_that_lies_is_corrupt(tmp_path: Path, entry: dict[str, Any]) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(_safetensors(entry, b"\0" * 8))
    with pytest.raises(CorruptModel):
        read_header(path)


def test_a_true_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(
        _safetensors({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, b"\0" * 8)
    )
    assert read_header(path)["w"]["shape"] == [2]


def _head(name: str, members: tuple[str, ...]) -> Head:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member in members:
            archive.writestr(member, b"")
    return Head(name, stream.getvalue(), members, len(stream.getvalue()))


@pytest.mark.parametrize(
    ("head", "want"),
    [
        (_head("m.pt", ("m/data.pkl", "m/code/__torch__.py", "m/constants.pkl")), "torchscript"),
        (_head("m.pt", ("m/data.pkl", "m/data/0")), "pytorch-pickle"),
        (_head("m.zip", ("m/archive_format", "m/models/model.json")), "pt2"),
        (Head("m.pth", pickle.dumps(Attack(), 0), (), 40), "pytorch-pickle"),
        (Head("m.x", _safetensors({"dtype": "F32"}, b""), (), 99), "safetensors"),
    ],
)
def test_the_signature_tells_the_format(head: Head, want: str) -> None:
    known = (formats.TORCHSCRIPT, formats.PT2, formats.SAFETENSORS, formats.PICKLE)
    assert max(known, key=lambda item: item.match(head)).id == want
