"""Paddle's files read without Paddle: programs, weights, and what is wrong with damaged ones."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelport import errors
from modelport.intake.detection import identify
from modelport_plugins.paddle import format, parameters, pir
from modelport_plugins.paddle.inspect import described
from modelport_sdk import CorruptModel, Head

FORMATS = (format.PADDLE, format.PROGRAM, format.PARAMETERS)
FLOAT = {"#": "0.t_f32"}


def number(value: int) -> bytes:
    """Return a varint."""
    value &= (1 << 64) - 1
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def field(key: int, value: bytes | int) -> bytes:
    """Return a field of a protobuf message."""
    if isinstance(value, int):
        return number(key << 3) + number(value)
    return number(key << 3 | 2) + number(len(value)) + value


def tensor(array: Any) -> bytes:
    """Return one tensor as Paddle writes it."""
    told = field(1, 5) + b"".join(field(2, size) for size in array.shape)
    return struct.pack("<IQIi", 0, 0, 0, len(told)) + told + array.astype("float32").tobytes()


def variable(name: str, shape: tuple[int, ...], *, held: bool = False) -> bytes:
    told = field(1, 5) + b"".join(field(2, size) for size in shape)
    kind = field(1, 7) + field(3, field(1, told))
    return field(1, name.encode()) + field(2, kind) + (field(3, 1) if held else b"")


def operator(kind: str, source: str, target: str) -> bytes:
    ports = [field(1, b"X") + field(2, name.encode()) for name in (source, target)]
    return field(1, ports[0]) + field(2, ports[1]) + field(3, kind.encode())


def program_desc() -> bytes:
    """Return a program that multiplies ``x`` by a matrix."""
    variables = (variable("x", (-1, 4)), variable("w", (4, 2), held=True), variable("y", (-1, 2)))
    operators = (
        operator("feed", "feed", "x"),
        operator("matmul_v2", "x", "y"),
        operator("fetch", "y", "fetch"),
    )
    block = field(1, 0) + field(2, -1)
    block += b"".join(field(3, one) for one in variables)
    block += b"".join(field(4, one) for one in operators)
    return field(1, block) + field(4, field(1, 2_006_002))


def value(number: int, shape: list[int]) -> dict[str, Any]:
    return {"%": number, "TT": {"#": "0.t_dtensor", "D": [FLOAT, shape, "NCHW", [], 0]}}


def attribute(name: str, kind: str, told: Any) -> dict[str, Any]:
    return {"N": name, "AT": {"#": f"0.a_{kind}", "D": told}}


def pir_program() -> dict[str, Any]:
    """Return the same program in PIR, which resizes before."""
    scale = [{"#": "0.a_f64", "D": 2.0}]
    operations = [
        {"#": "p", "A": [0, 1, 1, "w"], "O": value(1, [4, 2])},
        {"#": "1.data", "A": [attribute("name", "str", "x")], "O": [value(2, [-1, 4])]},
        {
            "#": "1.nearest_interp",
            "A": [attribute("scale", "array", scale)],
            "I": [{"%": 2}],
            "O": [value(3, [-1, 4])],
        },
        {"#": "1.matmul", "A": [], "I": [{"%": 3}, {"%": 1}], "O": [value(4, [-1, 2])]},
        {
            "#": "1.fetch",
            "A": [attribute("name", "str", "y"), attribute("col", "i32", 0)],
            "I": [{"%": 4}],
            "O": [value(5, [-1, 2])],
        },
    ]
    blocks = [{"#": "block_0", "args": [], "ops": operations}]
    base = {"magic": "pir", "trainable": True, "version": 4}
    return {"base_code": base, "program": {"regions": [{"#": "region_0", "blocks": blocks}]}}


@pytest.fixture(params=[".pdmodel", ".json"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"net{request.param}"
    text = json.dumps(pir_program(), separators=(",", ":")).encode()
    path.write_bytes(program_desc() if request.param == ".pdmodel" else text)
    path.with_suffix(".pdiparams").write_bytes(tensor(np.ones((4, 2))))
    return path


def test_both_formats_are_recognised_by_their_signature(model: Path, tmp_path: Path) -> None:
    other = model.rename(model.with_name("net.bin"))
    found = identify(tmp_path, FORMATS)
    assert found.format == ("paddle" if model.suffix == ".json" else "paddle-program")
    assert not other.exists()


def test_a_program_is_described_without_paddle(model: Path) -> None:
    told = described(model).json("paddle", model)
    assert [one["shape"] for one in told["inputs"] + told["outputs"]] == [[None, 4], [None, 2]]
    assert told["parameters"] == {"float32": 8}


def test_a_missing_file_of_weights_is_named(model: Path, tmp_path: Path) -> None:
    model.with_suffix(".pdiparams").unlink()
    with pytest.raises(errors.CorruptModel, match=r"\.pdiparams"):
        identify(tmp_path, FORMATS)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(tensor(np.ones((2, 4))), r"w is float32 \[4, 2\]", id="another-shape"),
        pytest.param(tensor(np.ones((4, 2))) * 2, "hold 2 tensors", id="one-too-many"),
        pytest.param(tensor(np.ones((4, 2)))[:-1], "31 bytes, expected 32", id="cut-short"),
        pytest.param(tensor(np.ones((4, 2)))[:7], "end within a tensor", id="cut-in-the-head"),
        pytest.param(b"\1" * 64, "something else than tensors", id="no-tensors"),
        pytest.param(b"", "hold 0 tensors", id="empty"),
    ],
)
def test_weights_of_another_program_are_refused(model: Path, data: bytes, said: str) -> None:
    model.with_suffix(".pdiparams").write_bytes(data)
    with pytest.raises(CorruptModel, match=said):
        described(model).held(model)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_program_that_was_cut_short_is_refused(model: Path, share: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CorruptModel):
        described(model)


def test_weights_are_read_by_name_and_put_back(model: Path, tmp_path: Path) -> None:
    held = described(model).held(model)
    arrays = {name: array * 2 for name, array in parameters.arrays(model, held)}
    target = tmp_path / "other.pdiparams"
    parameters.rewritten(parameters.path(model), held, arrays, target)
    assert target.read_bytes() == tensor(np.full((4, 2), 2.0))


def test_weights_alone_are_told_from_programs() -> None:
    heads = {
        "net.pdiparams": tensor(np.ones((4, 2))),
        "net.pdparams": b"\x80\x04}q\0X\x1b\0\0\0StructuredToParameterName@@",
    }
    found = [format.match_state(Head(name, first)) for name, first in heads.items()]
    assert found == [0.9, 0.9]


def test_scales_are_written_as_paddle2onnx_reads_them() -> None:
    program = pir_program()
    assert pir.single_scales(program) == 1
    assert "a_f64" not in json.dumps(program)
