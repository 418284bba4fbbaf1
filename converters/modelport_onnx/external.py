"""External data: which files a model's weights lie in, and whether they are sound."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from modelport_onnx.graph import tensors
from modelport_onnx.signature import dtype_name
from modelport_sdk import CorruptModel

BITS = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64, "bool": 8, "complex64": 64}


def entries(model: Any) -> list[tuple[Any, dict[str, str]]]:
    """Return ``(TensorProto, {"location", "offset", "length", ...})`` of tensors kept outside."""
    from onnx import TensorProto

    return [
        (tensor, {entry.key: entry.value for entry in tensor.external_data})
        for tensor in tensors(model)
        if tensor.data_location == TensorProto.EXTERNAL
    ]


def files(model: Any) -> list[str]:
    """Return the names of the files that hold weights, each once, in order of use."""
    return list(dict.fromkeys(keys.get("location", "") for _, keys in entries(model)))


def size(model: Any) -> int:
    """Return the bytes of all tensors kept outside, by their types and sizes."""
    return sum(_expected(tensor) for tensor, _ in entries(model))


def check(model: Any, folder: Path, name: str) -> None:
    """Check every reference of ``model``, whose file ``name`` lies in ``folder``.

    Raises:
        CorruptModel: A file is missing, lies outside of the folder, is no regular file,
            or is shorter than a tensor needs.
    """
    found = entries(model)
    locations = list(dict.fromkeys(keys.get("location", "") for _, keys in found))
    for location in locations:
        _check_location(location, folder)
    missing = [location for location in locations if not (folder / location).is_file()]
    if missing:
        listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise CorruptModel(
            f"{name} keeps weights in {listed}, which is missing",
            hint=f"Send {name} together with {listed}, as several files or a zip.",
        )
    for tensor, keys in found:
        _check_range(tensor, keys, folder / keys["location"])


def _check_location(location: str, folder: Path) -> None:
    path = PurePosixPath(location)
    outside = path.is_absolute() or ".." in path.parts or "\\" in location or ":" in location
    target = folder / path
    if not location or outside or folder.resolve() not in target.resolve().parents:
        raise CorruptModel(
            f"external data {location!r} lies outside of the model's folder",
            hint="Save the model again with the data file beside the .onnx.",
        )
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise CorruptModel(f"external data {location!r} is no regular file")


def _check_range(tensor: Any, keys: dict[str, str], path: Path) -> None:
    try:
        offset = int(keys.get("offset", 0))
        length = int(keys.get("length", 0)) or _expected(tensor)
    except ValueError:
        raise CorruptModel(f"tensor {tensor.name}: offset or length is no number") from None
    if offset < 0 or length < 0 or offset + length > path.stat().st_size:
        raise CorruptModel(
            f"tensor {tensor.name} ends at byte {offset + length} of {path.name}, "
            f"which has {path.stat().st_size}",
            hint=f"Send {path.name} again; it was cut short or belongs to another model.",
        )
    if length < _expected(tensor):
        raise CorruptModel(
            f"tensor {tensor.name} needs {_expected(tensor)} bytes and refers to {length}"
        )


def _expected(tensor: Any) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    name = dtype_name(tensor.data_type)
    digits = "".join(c for c in name.replace("uint", "").replace("int", "") if c.isdigit())
    bits = BITS.get(name) or (int(digits) if "int" in name and digits else 8)
    if name.startswith("float8"):
        bits = 8
    elif name.startswith("float4"):
        bits = 4
    return (count * bits + 7) // 8
