"""The file of weights: tensors behind one another, in the order of their names.

Source: Paddle 3.3, ``paddle/fluid/framework/lod_tensor.cc`` and ``tensor_util.cc``; names are
sorted in ``paddle/fluid/inference/api/analysis_predictor.cc``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from modelport_plugins.paddle.protobuf import fields, integers
from modelport_sdk import CorruptModel

# framework.proto, VarType.Type. bfloat16 has no NumPy type: its bits are kept.
KINDS = {
    0: "bool",
    1: "int16",
    2: "int32",
    3: "int64",
    4: "float16",
    5: "float32",
    6: "float64",
    20: "uint8",
    21: "int8",
    22: "uint16",
}
BFLOAT16 = 22
LONGEST = 4096  # bytes of a tensor's description
OTHER = "something else than tensors"
HINT = "Send the weights that were saved together with this program."


class Tensor(NamedTuple):
    """One tensor of the file: NumPy type, shape, and where its bytes lie."""

    kind: str
    shape: tuple[int, ...]
    offset: int
    size: int


def path(source: Path) -> Path:
    """Return the file of weights that belongs to the program ``source``.

    Raises:
        CorruptModel: There is none, or there are several and none has the program's name.
    """
    mine = source.with_suffix(".pdiparams")
    if mine.is_file():
        return mine
    found = sorted(source.parent.glob("*.pdiparams"))
    if len(found) == 1:
        return found[0]
    raise CorruptModel(
        f"{len(found)} files of weights lie beside {source.name}, and none is {mine.name}",
        hint=HINT,
    )


def tensors(file: Path) -> list[Tensor]:
    """Return what is in a file of weights.

    Raises:
        CorruptModel: It ends within a tensor, or holds something else.
    """
    found = []
    size = file.stat().st_size
    with file.open("rb") as stream:
        while stream.tell() < size:
            found.append(_tensor(stream, size))
            stream.seek(found[-1].size, 1)
    return found


def _tensor(stream: BinaryIO, size: int) -> Tensor:
    version, levels = _numbers(stream, "<IQ")
    if version or levels > LONGEST:
        raise CorruptModel(f"the file of weights holds {OTHER}", hint=HINT)
    for _ in range(levels):
        stream.seek(min(_numbers(stream, "<Q")[0], size), 1)
    again, length = _numbers(stream, "<Ii")
    if again or not 0 < length <= LONGEST:
        raise CorruptModel(f"the file of weights holds {OTHER}", hint=HINT)
    told = fields(stream.read(length))
    kind, shape = (told[1] or [None])[-1], tuple(integers(told[2]))
    if kind not in KINDS or min(shape, default=0) < 0:
        raise CorruptModel(f"the weights hold a tensor of type {kind} and shape {shape}")
    bytes_of = {"bool": 1}.get(KINDS[kind], 0) or int(KINDS[kind].lstrip("uintfloa")) // 8
    at, room = stream.tell(), math.prod(shape) * bytes_of
    if at + room > size:
        raise CorruptModel(
            f"the weights end within a tensor: {size - at} bytes, expected {room}", hint=HINT
        )
    return Tensor(KINDS[kind], shape, at, room)


def _numbers(stream: BinaryIO, form: str) -> tuple[Any, ...]:
    try:
        return struct.unpack(form, stream.read(struct.calcsize(form)))
    except (struct.error, OSError, OverflowError) as exc:
        raise CorruptModel("the weights end within a tensor", hint=HINT) from exc


def named(source: Path, wanted: Sequence[tuple[str, str, Sequence[int]]]) -> dict[str, Tensor]:
    """Return the tensors of the program ``source`` by name.

    Args:
        source: The program; its weights lie beside it.
        wanted: Name, NumPy type and shape of each persistable variable of the program.

    Raises:
        CorruptModel: Another number of tensors, another type or another shape.
    """
    found = tensors(path(source))
    ordered = sorted(wanted, key=lambda one: one[0].encode())
    if len(found) != len(ordered):
        raise CorruptModel(
            f"the weights hold {len(found)} tensors, and the program has {len(ordered)}", hint=HINT
        )
    for (name, kind, shape), tensor in zip(ordered, found):
        if (kind, tuple(shape)) != (tensor.kind, tensor.shape):
            raise CorruptModel(
                f"{name} is {kind} {list(shape)} in the program, and {tensor.kind} "
                f"{list(tensor.shape)} in the weights",
                hint=HINT,
            )
    return {name: tensor for (name, _, _), tensor in zip(ordered, found)}


def arrays(source: Path, held: dict[str, Tensor]) -> Iterator[tuple[str, Any]]:
    """Yield each tensor of ``held`` (see ``named``) as an array."""
    import numpy as np

    with path(source).open("rb") as stream:
        for name, tensor in held.items():
            stream.seek(tensor.offset)
            data = np.fromfile(stream, tensor.kind, math.prod(tensor.shape))
            yield name, data.reshape(tensor.shape)


def rewritten(file: Path, held: dict[str, Tensor], values: dict[str, Any], target: Path) -> None:
    """Write a copy of ``file`` with the bytes of ``values`` in place of their tensors'."""
    data = bytearray(file.read_bytes())
    for name, array in values.items():
        tensor = held[name]
        data[tensor.offset : tensor.offset + tensor.size] = array.astype(tensor.kind).tobytes()
    target.write_bytes(data)
