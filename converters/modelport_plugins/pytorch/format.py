"""The four ways in which PyTorch models travel, told apart by what the file holds.

Sources: ``torch/csrc/jit/serialization/export_module.cpp`` (TorchScript members),
``torch/export/pt2_archive/constants.py`` (ExportedProgram members), ``torch/serialization.py``
(``MAGIC_NUMBER`` of the legacy pickle), safetensors' README (header layout); PyTorch 2.13.
"""

from __future__ import annotations

import re
import struct

from modelport_sdk import Format, Head

# pickle.dumps(0x1950a86a20f9469cfc6c, protocol=2), the first object of a legacy torch.save.
LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
ZIP = b"PK\x03\x04"
SUFFIXES = (".pt", ".pth", ".ts", ".bin", ".ckpt", ".pkl", ".pickle")
TEXT_GLOBAL = re.compile(rb"\A\(*c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
OLD_PROGRAM = ("serialized_exported_program.json", "serialized_state_dict.json")


def _tails(head: Head) -> list[str]:
    """Return the members' names without the archive's root folder."""
    return [name.split("/", 1)[-1] for name in head.members]


def match_torchscript(head: Head) -> float:
    """Return 1.0 for a zip that holds code and constants beside the pickled data."""
    if not head.first.startswith(ZIP):
        return 0.1 if head.name.endswith(".ts") else 0.0
    tails = _tails(head)
    code = any(tail.startswith("code/") for tail in tails)
    return 1.0 if code and ("constants.pkl" in tails or "data.pkl" in tails) else 0.0


def match_pt2(head: Head) -> float:
    """Return 1.0 for a zip with a serialised graph, as ``torch.export.save`` writes it."""
    if not head.first.startswith(ZIP):
        return 0.1 if head.name.endswith(".pt2") else 0.0
    tails = _tails(head)
    if any(name in OLD_PROGRAM for name in (*tails, *head.members)):
        return 1.0
    graph = any(tail.startswith("models/") and tail.endswith(".json") for tail in tails)
    return 1.0 if graph and "archive_format" in tails else 0.0


def match_safetensors(head: Head) -> float:
    """Return 1.0 if eight bytes give the length of a JSON header that begins behind them."""
    suffix = head.name.endswith(".safetensors")
    if len(head.first) < 9:
        return 0.2 if suffix else 0.0
    length = struct.unpack("<Q", head.first[:8])[0]
    begins = head.first[8:9] == b"{"
    if begins and 2 <= length <= max(head.size - 8, 0):
        return 1.0
    return 0.5 if suffix else 0.0


def match_pickle(head: Head) -> float:
    """Return 1.0 for what ``torch.save`` wrote, less for any other pickle."""
    named = head.name.endswith(SUFFIXES)
    if head.first.startswith(ZIP):
        tails = _tails(head)
        if "data.pkl" not in tails or match_torchscript(head) or match_pt2(head):
            return 0.0
        return 1.0
    if head.first.startswith(LEGACY_MAGIC):
        return 1.0
    # Protocols 2 to 5 open with \x80 and their number; protocol 0 is recognised by its first
    # GLOBAL, which is how an attack in text form begins.
    binary = head.first[:1] == b"\x80" and head.first[1:2] in {b"\2", b"\3", b"\4", b"\5"}
    if binary or TEXT_GLOBAL.match(head.first):
        return 0.9 if named else 0.6
    return 0.1 if head.name.endswith((".pt", ".pth", ".ckpt")) else 0.0


TORCHSCRIPT = Format("torchscript", "TorchScript", match_torchscript, main="*.pt")
PT2 = Format("pt2", "PyTorch ExportedProgram", match_pt2, main="*.pt2")
SAFETENSORS = Format("safetensors", "safetensors", match_safetensors, main="*.safetensors")
PICKLE = Format("pytorch-pickle", "PyTorch pickle", match_pickle, main="*.pth")
