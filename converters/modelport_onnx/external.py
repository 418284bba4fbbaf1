"""External data: which files a model's weights lie in, and whether they are sound."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from modelport_onnx.graph import tensors
from modelport_onnx.signature import dtype_name
from modelport_sdk import CorruptModel

# onnx itself writes ``basepath`` (1.23, external_data_helper.py); no reader looks there.
KEYS = {"location", "offset", "length", "checksum", "basepath"}
DIGITS = 18  # of a number below 2**63
LONGEST = 1024  # characters of a location; what the file system takes is less
AXES, LARGEST = 64, 1 << 60
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
        CorruptModel: A file is missing, lies outside of the folder, is no regular file with
            one link, is the model itself, or is shorter than a tensor needs.
    """
    _check_keys(model)
    found = entries(model)
    locations = list(dict.fromkeys(keys.get("location", "") for _, keys in found))
    for location in locations:
        _check_location(location, folder, name)
    missing = [location for location in locations if not (folder / location).is_file()]
    if missing:
        listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise CorruptModel(
            f"{name} keeps weights in {listed}, which is missing",
            hint=f"Send {name} together with {listed}, as several files or a zip.",
        )
    sizes = {location: (folder / location).stat().st_size for location in locations}
    for tensor, keys in found:
        _check_range(tensor, keys, sizes[keys["location"]])


def _check_keys(model: Any) -> None:
    """Refuse keys given twice, and unknown ones: a reader may set them as attributes.

    Source: onnx.proto, TensorProto.external_data; CVE-2026-34445.
    """
    from onnx import TensorProto

    for tensor in tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        keys = [entry.key for entry in tensor.external_data]
        strange = [key for key in keys if key not in KEYS and not key.startswith("prepacked")]
        if strange or len(set(keys)) < len(keys):
            raise CorruptModel(f"tensor {tensor.name[:80]}: its external data is described wrongly")


def _check_location(location: str, folder: Path, name: str) -> None:
    path = PurePosixPath(location)
    outside = path.is_absolute() or ".." in path.parts or "\\" in location or ":/" in location
    odd = not location or "\0" in location or len(location) > LONGEST
    target = folder / path if not odd else folder
    if odd or outside or folder.resolve() not in target.resolve().parents:
        raise CorruptModel(
            f"external data {location[:80]!r} lies outside of the model's folder",
            hint="Save the model again with the data file beside the .onnx.",
        )
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise CorruptModel(f"external data {location[:80]!r} is no regular file")
    if target == folder / name:
        raise CorruptModel(
            "the model names itself as its external data",
            hint="Save the model again with the data in a file of its own.",
        )
    if target.exists() and target.stat().st_nlink > 1:
        raise CorruptModel(f"external data {location[:80]!r} has a second link")


def _check_range(tensor: Any, keys: dict[str, str], room: int) -> None:
    offset, length = _number(tensor, keys, "offset"), _number(tensor, keys, "length")
    expected = _expected(tensor)
    end = offset + (length or expected)
    if end > room:
        raise CorruptModel(
            f"tensor {tensor.name[:80]} ends at byte {end} of its file, which has {room}",
            hint=f"Send {keys['location']} again; it was cut short or belongs to another model.",
        )
    if length and length < expected:
        raise CorruptModel(f"tensor {tensor.name[:80]} needs {expected} bytes and has {length}")


def _number(tensor: Any, keys: dict[str, str], key: str) -> int:
    """Return offset or length; only what every reader reads alike counts as a number."""
    text = keys.get(key, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise CorruptModel(f"tensor {tensor.name[:80]}: {key} is no number")
    return int(text)


def _expected(tensor: Any) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    if count < 0 or len(tensor.dims) > AXES or count >= LARGEST:
        raise CorruptModel(f"tensor {tensor.name[:80]} has impossible sizes")
    name = dtype_name(tensor.data_type)
    digits = "".join(c for c in name.replace("uint", "").replace("int", "") if c.isdigit())
    bits = BITS.get(name) or (int(digits) if "int" in name and digits else 8)
    if name.startswith("float8"):
        bits = 8
    elif name.startswith("float4"):
        bits = 4
    return (count * bits + 7) // 8
