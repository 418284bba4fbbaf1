"""What a PyTorch pickle is: weights, a module that runs code to be loaded, or an attack.

The allow-list is that of ``torch._weights_only_unpickler`` (PyTorch 2.13), as far as
state dicts need it.
"""

from __future__ import annotations

import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from modelport_plugins.pytorch.format import LEGACY_MAGIC, ZIP
from modelport_plugins.pytorch.pickle_globals import Walk, walk
from modelport_sdk import CorruptModel, UnsafeModel

LIMIT = 512 << 20  # bytes of pickle read: a state dict of 10 GB has well under 10 MB of it

HARMLESS = re.compile(
    r"""\A(?:
      collections\.(?:OrderedDict|defaultdict|Counter)
    | (?:builtins|__builtin__)\.(?:set|frozenset|dict|list|tuple|bytearray|complex|int|float|str
        |bool|bytes)
    | torch\._utils\._rebuild_(?:tensor(?:_v2|_v3)?|parameter(?:_with_state)?|qtensor|sparse_tensor
        |meta_tensor_no_storage|nested_tensor|wrapper_subclass)
    | torch\._tensor\._rebuild_from_type_v2 | torch\._tensor\._rebuild_from_type
    | torch\.(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|Complex\w*|Q\w*)?Storage
    | torch\.storage\.(?:TypedStorage|UntypedStorage|_LegacyStorage|\w*Storage)
    | torch\.(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)?Tensor
    | torch\.(?:device|Size|dtype|nn\.parameter\.Parameter|nn\.Parameter|serialization\._get_layout)
    | torch\.(?:q?u?int\d+|float\d+\w*|bfloat16|bool|complex\d+|half|double|float|long|int|short)
    | torch\.(?:strided|per_tensor_affine|per_channel_affine|contiguous_format|channels_last)
    | numpy\.(?:core|_core)\.multiarray\.(?:scalar|_reconstruct) | numpy\.(?:dtype|ndarray)
    | numpy\.dtypes\.\w+DType | _codecs\.encode
    )\Z""",
    re.VERBOSE,
)
TORCH_CLASS = re.compile(r"\Atorch\.nn\.(?:modules|parallel|utils)\.[\w.]*\.[A-Z]\w*\Z")
# Not in sys.stdlib_module_names, and yet no model's own module.
INSTALLED = re.compile(
    r"""\A(?:
    torch|torchvision|numpy|sympy|scipy|networkx|jinja2|yaml|setuptools|pkg_resources|pip
    |__builtin__|builtins|onnx|mpmath|posix|nt|commands|exceptions|copy_reg|cPickle|fsspec
    |pandas
    )\Z""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Contents:
    """What one file's pickles hold.

    Attributes:
        modules: Classes of modules, the root object's first; loading them runs their code.
        tensors: ``(dtype, elements)`` a tensor.
    """

    modules: tuple[str, ...]
    tensors: tuple[tuple[str, int], ...]

    @property
    def parameters(self) -> dict[str, int]:
        """Elements by dtype; "unknown" where the pickle does not say."""
        counts: dict[str, int] = {}
        for kind, count in self.tensors:
            counts[kind or "unknown"] = counts.get(kind or "unknown", 0) + count
        return counts


def contents(path: Path) -> Contents:
    """Return what the file holds, without unpickling anything.

    Raises:
        UnsafeModel: It asks for names that neither weights nor modules need.
        CorruptModel: It is no complete pickle.
    """
    walks = [seen for data in _pickles(path) for seen in _walks(data)]
    names = {name: None for seen in walks for name in seen.names}
    dangerous = [name for name in names if not harmless(name) and not _is_class(name)]
    if dangerous:
        shown = ", ".join(dangerous[:4])
        raise UnsafeModel(
            f"loading this pickle would run {shown[:300]}",
            hint="Do not load it; ask whoever made it for a safetensors, ONNX or .pt2 file.",
        )
    broken = next((seen.broken for seen in walks if seen.broken), "")
    if broken or not walks:
        raise CorruptModel(
            f"the pickle is broken: {broken or 'there is none'}",
            hint="Save or transfer the file again.",
        )
    if any(seen.outside for seen in walks):
        raise CorruptModel("a tensor reaches beyond its storage", hint="Save the file again.")
    classes = tuple(name for name in names if _is_class(name))
    return Contents(classes, tuple(tensor for seen in walks for tensor in seen.tensors))


def harmless(name: str) -> bool:
    """Return whether a global is one that weights need and that runs nothing."""
    return HARMLESS.match(name) is not None


def _is_class(name: str) -> bool:
    """Return whether ``name`` may be a module's class: torch's own, or from a strange package."""
    if harmless(name):
        return False
    if TORCH_CLASS.match(name):
        return True
    root = name.split(".", 1)[0]
    identifier = all(part.isidentifier() for part in name.split("."))
    return identifier and not INSTALLED.match(root) and root not in sys.stdlib_module_names


def _walks(data: bytes) -> list[Walk]:
    """Walk the pickle, or the first five where the legacy format strings them together."""
    walks, start = [], 0
    # Magic number, protocol version, system, object, names of storages; raw storages follow.
    for _ in range(5 if data.startswith(LEGACY_MAGIC) else 1):
        seen = walk(data, start)
        walks.append(seen)
        start = seen.end
        if seen.broken:
            break
    return walks


def _pickles(path: Path) -> list[bytes]:
    with path.open("rb") as stream:
        if stream.read(4) != ZIP:
            stream.seek(0)
            return [stream.read(LIMIT)]
    try:
        with zipfile.ZipFile(path) as archive:
            return [member(archive, info) for info in archive.infolist()
                    if info.filename.lower().endswith((".pkl", ".pickle"))]  # fmt: skip
    except zipfile.BadZipFile as exc:
        raise CorruptModel("the archive is broken", hint="Transfer the file again.") from exc


def member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return one member's bytes.

    Raises:
        CorruptModel: It is larger than LIMIT, encrypted, or does not match its checksum.
    """
    try:
        with archive.open(info) as stream:
            data = stream.read(LIMIT + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as exc:
        raise CorruptModel(f"archive member {Path(info.filename).name!r} is unreadable") from exc
    if len(data) > LIMIT:
        raise CorruptModel(f"archive member {Path(info.filename).name!r} is unreasonably large")
    return data
