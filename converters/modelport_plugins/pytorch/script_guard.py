"""Looks into a TorchScript archive before PyTorch does: TorchScript is code.

It runs behind the sandbox's bars, whatever stands here. What is refused here is what would
crash PyTorch's parser, a recursive one, or what no network needs.
Sources: PyTorch 2.13, ``torch/csrc/jit/frontend/parser.cpp`` (recursion by brackets, unary
operators and blocks), ``torch/csrc/jit/serialization/import.cpp`` (members),
``unpickler.cpp`` (sizes of storages and tensors are taken on trust).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from modelport_plugins.pytorch.pickle_globals import BYTES, Walk, walk
from modelport_plugins.pytorch.pickle_verdict import member
from modelport_sdk import CorruptModel, UnsafeModel

# Measured on a stack of 8 MiB: the parser lives through 1,000 levels of brackets, calls or
# signs, and dies before 10,000.
DEPTH = 1000
BLOCKS = 100  # of indentation, two or more blanks each
SOURCE = 64 << 20  # bytes of code; the largest honest archive seen has 2 MiB
TEXT = re.compile(rb"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\#[^\n]*""")
UNARY = re.compile(rb"(?:(?:-|~|\bnot\b)[ \t]*){%d}" % BLOCKS)
# Opens, maps or writes files: torch.from_file, aten::from_file, torch.save.
FILES = re.compile(rb"\b(?:torch|ops\.aten)\.(?:from_file|save)\b")


def check_script(path: Path) -> None:
    """Return if PyTorch's parser can take the code, and the code opens no files.

    Raises:
        CorruptModel: The archive is broken, or its code is nested beyond reason.
        UnsafeModel: The code opens files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
            code = [info for info in listed if "code/" in info.filename.lower()]
            if sum(info.file_size for info in code) > SOURCE:
                raise CorruptModel("the archive holds more code than a model needs")
            for info in code:
                _check_code(member(archive, info))
            sizes = {info.filename: info.file_size for info in listed}
            for info in listed:
                if info.filename.endswith(("/data.pkl", "/constants.pkl")):
                    folder = info.filename.removesuffix(".pkl")
                    _check_tensors(walk(member(archive, info)), folder, sizes)
    except zipfile.BadZipFile as exc:
        raise CorruptModel("the archive is broken", hint="Transfer the file again.") from exc


def _check_tensors(seen: Walk, folder: str, sizes: Mapping[str, int]) -> None:
    """Check storages against the members that hold them: PyTorch reads on, whatever follows."""
    short = [
        key
        for key, (kind, count) in seen.storages.items()
        if count * BYTES.get(kind, 1) > sizes.get(f"{folder}/{key}", 0)
    ]
    if short or seen.outside:
        raise CorruptModel(
            "a tensor is larger than the data that it refers to",
            hint="Transfer the file again; it is not whole.",
        )


def _check_code(code: bytes) -> None:
    if FILES.search(code):
        raise UnsafeModel(
            "the model's code opens files", hint="Export the model again without them."
        )
    plain = TEXT.sub(b"", code)
    depth = deepest = 0
    for bracket in re.findall(rb"[\[\](){}]", plain):
        depth += 1 if bracket in b"([{" else -1
        deepest = max(deepest, depth)
    indented = re.search(rb"^(?:\t| {2}){%d}" % BLOCKS, plain, re.MULTILINE)
    if deepest > DEPTH or indented or UNARY.search(plain):
        raise CorruptModel(
            "the model's code is nested beyond reason", hint="Export the model again."
        )
