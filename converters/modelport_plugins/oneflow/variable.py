"""One tensor on disk, as every OneFlow layout has it: a folder with ``meta`` and ``out``.

``meta`` is a protobuf text (shape and type), ``out`` the little-endian values.
Source: OneFlow 0.9.0, ``python/oneflow/framework/check_point_v2.py``.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from modelport_sdk import CorruptModel, UnsupportedFeature

# Source: oneflow/core/common/data_type.proto.
KINDS = {
    "kFloat": "float32",
    "kDouble": "float64",
    "kInt8": "int8",
    "kInt32": "int32",
    "kInt64": "int64",
    "kUInt8": "uint8",
    "kFloat16": "float16",
    "kBool": "bool",
}
LONGEST = 1 << 16  # bytes of a meta file
DIM = re.compile(r"dim\s*:\s*(\d+)")
KIND = re.compile(r"data_type\s*:\s*(\w+)")


def load(root: Path, name: str) -> Any:
    """Return the array in the folder ``name`` of ``root``.

    Raises:
        CorruptModel: It is missing, lies outside, or has another size than it says.
        UnsupportedFeature: Its type has no counterpart in NumPy.
    """
    import numpy as np

    shape, kind = meta(root, name)
    path = check(root, name, shape, kind)
    return np.fromfile(path, np.dtype(kind).newbyteorder("<")).reshape(shape)


def check(root: Path, name: str, shape: tuple[int, ...], kind: str) -> Path:
    """Return the path of a variable's values, whose number of bytes is right.

    Raises:
        CorruptModel: It is missing or of another size.
    """
    import numpy as np

    size = math.prod(shape) * np.dtype(kind).itemsize
    path = inside(root, name) / "out"
    if not path.is_file():
        raise CorruptModel(f"variable {name} is missing", hint="Send the whole folder.")
    found = path.stat().st_size
    if found != size:
        raise CorruptModel(
            f"variable {name}: {found} bytes, expected {size}",
            hint="Transfer it again: it was cut short, or belongs to another model.",
        )
    return path


def meta(root: Path, name: str) -> tuple[tuple[int, ...], str]:
    """Return shape and NumPy type of a variable, from its ``meta`` alone.

    Raises:
        CorruptModel: There is none, or it cannot be read.
        UnsupportedFeature: Its type has no counterpart in NumPy.
    """
    path = inside(root, name) / "meta"
    if not path.is_file():
        raise CorruptModel(f"variable {name} is missing", hint="Send the whole folder.")
    text = path.read_bytes()[:LONGEST].decode("utf-8", "replace")
    kind = KIND.search(text)
    if kind is None:
        raise CorruptModel(f"variable {name}: its meta file names no type")
    if kind[1] not in KINDS:
        raise UnsupportedFeature(f"variable {name} is of type {kind[1]}, which is not read")
    return tuple(int(size) for size in DIM.findall(text)), KINDS[kind[1]]


def inside(root: Path, name: str) -> Path:
    """Return the folder of a variable.

    Raises:
        CorruptModel: The name leads out of ``root``.
    """
    path = (root / name).resolve()
    if name.startswith("/") or not path.is_relative_to(root.resolve()) or path == root.resolve():
        raise CorruptModel(f"the variable {name[:80]!r} lies outside of the model's folder")
    return path


def save(root: Path, name: str, array: Any) -> None:
    """Write ``array`` as the folder ``name`` of ``root``.

    Raises:
        UnsupportedFeature: OneFlow has no such type, or no folder can have that name.
    """
    import numpy as np

    words = {kind: word for word, kind in KINDS.items()}
    values = np.asarray(array, order="C")
    if values.dtype.name not in words:
        raise UnsupportedFeature(f"OneFlow has no type for {name}, which is {values.dtype.name}")
    if "/" in name or name in {"", ".", ".."} or len(name.encode()) > 200:
        raise UnsupportedFeature(f"the tensor {name[:80]!r} cannot be the name of a folder")
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "out").write_bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())
    dims = "".join(f"  dim: {size}\n" for size in values.shape)
    text = f"shape {{\n{dims}}}\ndata_type: {words[values.dtype.name]}\n"
    (folder / "meta").write_text(text, "utf-8")
