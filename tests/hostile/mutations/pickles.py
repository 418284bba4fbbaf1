"""Pickles, safetensors, TorchScript and ExportedProgram archives with one fault each."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from mutations.archives import zipped
from mutations.case import Case, Files, one

CANARY = "touch /tmp/modelport-canary/pickle"
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
STATE = b"\x80\x02ccollections\nOrderedDict\n)R."
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ\x04\0\0\0tQ"


class Attack:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (CANARY,)


def evil(protocol: int = 2) -> bytes:
    """Return a pickle that runs a command."""
    return pickle.dumps(Attack(), protocol)


def tensor(sizes: bytes) -> bytes:
    """Return a state dict of one tensor, its sizes given as opcodes."""
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\0" + sizes + b"(K\1t\x89NtR"
    return b"\x80\x02}X\x01\0\0\0w" + rebuilt + b"s."


def saved(pickled: bytes, name: str = "m/data.pkl") -> bytes:
    """Return what torch.save writes: a zip with a pickle and a storage."""
    members = ((name, pickled), ("m/version", b"3\n"), ("m/data/0", bytes(16)))
    return zipped(*members, method=zipfile.ZIP_STORED)


def edited(data: bytes, edit: Callable[[dict[str, bytes]], Any]) -> bytes:
    """Return the zip with its members edited; written plainly, as PyTorch's own are."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    edit(members)
    return zipped(*members.items(), method=zipfile.ZIP_STORED)


def member(members: Mapping[str, bytes], ending: str) -> str:
    """Return the full name of a member."""
    return next(name for name in members if name.endswith(ending))


def change(ending: str, edit: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], None]:
    """Return an edit of one member's contents."""

    def apply(members: dict[str, bytes]) -> None:
        name = member(members, ending)
        members[name] = edit(members[name])

    return apply


def graph(edit: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    """Return an edit of a program's graph, parsed."""

    def apply(content: bytes) -> bytes:
        tree = json.loads(content)
        edit(tree)
        return json.dumps(tree).encode()

    return change("models/model.json", apply)


def add(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    """Return an edit that adds a member beside the others."""

    def apply(members: dict[str, bytes]) -> None:
        root = next(iter(members)).split("/", 1)[0]
        members[f"{root}/{name}"] = content

    return apply


def sizes(members: dict[str, bytes]) -> None:
    """Claim larger weights than are there, in the graph's own account of them."""
    name = member(members, "model_weights_config.json")
    tree = json.loads(members[name])
    for entry in tree["config"].values():
        entry["tensor_meta"]["sizes"] = [{"as_int": 2**40}]
        entry["tensor_meta"]["strides"] = [{"as_int": 1}]
    members[name] = json.dumps(tree).encode()


def symbols(text: str) -> Callable[[Any], None]:
    """Return an edit that makes the first size symbolic."""

    def apply(tree: Any) -> None:
        values = tree["graph_module"]["graph"]["tensor_values"]
        next(iter(values.values()))["sizes"][0] = {"as_expr": {"expr_str": text, "hint": None}}

    return apply


def target(name: str) -> Callable[[Any], None]:
    """Return an edit of what the first node calls."""

    def apply(tree: Any) -> None:
        tree["graph_module"]["graph"]["nodes"][0]["target"] = name

    return apply


def opaque(members: dict[str, bytes]) -> None:
    """Add a constant that PyTorch unpickles whatever the configuration says."""
    name = member(members, "model_constants_config.json")
    entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": False}
    members[name] = json.dumps({"config": {"c": {**entry, "tensor_meta": None}}}).encode()
    add("data/constants/opaque_obj_0", evil())(members)


def renamed(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    """Return an edit that renames one member."""

    def apply(members: dict[str, bytes]) -> None:
        name = member(members, old)
        members[name.replace(old, new)] = members.pop(name)

    return apply


def two_graphs(members: dict[str, bytes]) -> None:
    """Add a second graph, without the suffix, whose sizes hold code."""
    text = members[member(members, "models/model.json")]
    tree = json.loads(text)
    symbols("__import__('os').system('" + CANARY + "')")(tree)
    add("models/model.jsom", json.dumps(tree).encode())(members)


def safetensors(header: Any, data: bytes = bytes(64), length: int | None = None) -> bytes:
    """Return a file with this header, its length true unless given."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: Any = "F32", shape: Any = (4,), offsets: Any = (0, 16)) -> dict[str, Any]:
    """Return how safetensors describes one tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def append(text: str) -> Callable[[dict[str, bytes]], None]:
    """Return an edit that adds a statement at the head of forward."""

    def apply(code: bytes) -> bytes:
        lines = code.decode().splitlines(keepends=True)
        start = next(i for i, line in enumerate(lines) if line.lstrip().startswith("def forward"))
        ends = (i for i in range(start, len(lines)) if lines[i].rstrip().endswith("Tensor:"))
        lines.insert(next(ends) + 1, f"    {text}\n")
        return "".join(lines).encode()

    def every(members: dict[str, bytes]) -> None:
        found = (n for n, code in members.items() if n.endswith(".py") and b"def forward" in code)
        name = next(found)
        members[name] = apply(members[name])

    return every


UNSAFE, BROKEN, WEIGHTS = "unsafe-model", "corrupt-model", "weights-only"
PICKLES = [
    *((f"protocol-{n}", "m.pth", evil(n), "posix.system", UNSAFE) for n in range(5)),
    ("zip", "m.pt", saved(evil()), "posix.system", UNSAFE),
    ("zip-upper-case", "m.pt", saved(STATE)[:0] + zipped(
        ("m/data.pkl", STATE), ("m/OTHER.PKL", evil()), method=0), "posix.system", UNSAFE),
    ("fifth", "m.pth", LEGACY + b"\x80\x02M\xe9\x03." + STATE * 2 + evil(), "system", UNSAFE),
    ("sizes", "m.pt", saved(tensor(b"(" + b"\x8b\x08\x01\0\0" + b"\xff" * 263 + b"\1t")),
     "beyond its storage", BROKEN),
    ("axes", "m.pt", saved(tensor(b"(" + b"J\xff\xff\xff\x7f" * 90_000 + b"t")), "beyond", BROKEN),
    ("storage-beyond", "m.pt", saved(tensor(b"(K\x05t")), "beyond its storage", BROKEN),
    ("opcodes", "m.pth", b"\x80\x02" + b"N0" * 1_500_000 + b".", "unreasonably long", BROKEN),
    ("truncated", "m.pt", saved(tensor(b"(K\4t")[:-9]), "broken", BROKEN),
    ("two-data", "m.pt", zipped(("m/data.pkl", STATE), ("M/DATA.pkl", evil()), method=0),
     "two entries", BROKEN),
    ("expansion", "m.pt", zipped(("m/data.pkl", STATE), ("m/data/0", bytes(400 << 20))),
     "times its size", "too-large"),
]  # fmt: skip
HEADERS = [
    ("length", safetensors({"w": entry()}, length=2**63), "longer than the file", BROKEN),
    ("nested", safetensors(b"{" + b'"a":[' * 40_000), "no JSON", BROKEN),
    ("overlap", safetensors({"a": entry(), "b": entry(offsets=(8, 24))}), "overlap", BROKEN),
    ("nan", safetensors(b'{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0,16]}}'), ".", BROKEN),
    ("negative", safetensors({"w": entry(shape=(-4, -1))}), "outside|described wrongly", BROKEN),
    ("digits", safetensors(b'{"w":{"dtype":"F32","shape":[' + b"9" * 5000 + b"]}}"), ".", BROKEN),
    ("type", safetensors({"w": entry(dtype=["F32"])}), "described wrongly", BROKEN),
    ("names", safetensors({"\ud800\x1b[2J<script>\u202e" + "n" * 9999: entry(dtype="X")}), ".", BROKEN),
    ("list", safetensors([entry()]), ".", f"{BROKEN}|unknown-format"),
]  # fmt: skip
SCRIPTS = [
    ("data-truncated", change("data.pkl", lambda d: d[:-20]), "native", "PyTorch cannot", BROKEN),
    ("data-empty", change("data.pkl", lambda d: b""), "native", "PyTorch cannot read it", BROKEN),
    ("storage-short", change("data/0", lambda d: d[:8]), "guard", "larger than the data", BROKEN),
    ("opcode", change("data.pkl", lambda d: d[:30] + b"\xff\xfe" + d[32:]), "native", ".", BROKEN),
    ("globals", change("constants.pkl", lambda d: evil()), "native", "PyTorch cannot", BROKEN),
    ("version", change("version", lambda d: b"99999\n"), "native", "PyTorch cannot", BROKEN),
    ("syntax", append("x = = )"), "native", "PyTorch cannot read it", BROKEN),
    ("operator", append("_z = torch.no_such_operator(1)"), "native", "PyTorch cannot", BROKEN),
    ("undefined", append("_z = undefined_name"), "native", "PyTorch cannot read it", BROKEN),
    ("brackets", append("_z = " + "(" * 9000 + "1" + ")" * 9000), "guard", "nested", BROKEN),
    ("signs", append("_z = " + "-" * 60_000 + "1"), "guard", "nested", BROKEN),
    ("sum", append("_z = " + "+".join("1" * 60_000)), "native", "crashed|cannot read", BROKEN),
    ("file", append('_z = torch.from_file("/etc/passwd", False, 9)'), "guard", "files", UNSAFE),
    ("two-names", add("CONSTANTS.pkl", b""), "intake", "two entries", BROKEN),
    ("loop", append("while True:\n      _z = 1"), "taken", "", ""),
    ("memory", append("_z = torch.ones([1099511627776])"), "taken", "", ""),
]  # fmt: skip
CODE = "__import__('os').system('" + CANARY + "')"
PROGRAMS = [
    ("use-pickle", change("weights_config.json", lambda d: d.replace(
        b'"use_pickle": false', b'"use_pickle": true')), "guard", "pickles", UNSAFE),
    ("opaque", opaque, "guard", "pickled objects|pickles", UNSAFE),
    ("sample-inputs", change("sample_inputs/model.pt", lambda d: saved(evil())), "guard",
     "would run posix.system", UNSAFE),
    ("expression", graph(symbols(CODE)), "guard", "other than arithmetic", UNSAFE),
    ("tower", graph(symbols("9**9**9**9")), "guard", "other than arithmetic", UNSAFE),
    ("target", graph(target("torch.hub.load")), "guard", "calls torch.hub.load", UNSAFE),
    ("file", graph(target("torch.ops.aten.from_file.default")), "guard", "from_file", UNSAFE),
    ("machine-code", add("data/aotinductor/model/m.so", b"\x7fELF"), "guard", "machine code", UNSAFE),
    ("hidden-graph", two_graphs, "guard", "other than arithmetic", UNSAFE),
    ("two-names", add("MODELS/model.json", b"{}"), "intake", "two entries", BROKEN),
    ("json-nested", change("model.json", lambda d: b'{"graph_module":' + b"[" * 90_000), "guard",
     "JSON", BROKEN),
    ("json-digits", change("model.json", lambda d: d.replace(b'"as_int": 1', b'"as_int": 1' + b"9" * 5000)),
     "guard", "JSON", BROKEN),
    ("weights-short", change("weights/weight_0", lambda d: d[:7]), "native", "PyTorch cannot", BROKEN),
    ("weights-sizes", sizes, "native", "PyTorch cannot read it", BROKEN),
    ("no-version", change("archive_version", lambda d: b"77"), "native", "PyTorch cannot", BROKEN),
    ("graph-empty", graph(lambda t: t["graph_module"]["graph"].update(nodes=[], outputs=[])), "native",
     "PyTorch cannot read it", BROKEN),
    ("types", graph(lambda t: t["graph_module"]["graph"].update(tensor_values=7)), "native",
     "PyTorch cannot read it", BROKEN),
    ("input-gone", graph(lambda t: t["graph_module"]["graph"]["inputs"].pop()), "native", ".", BROKEN),
]  # fmt: skip


def _sound(format: str, edit: Callable[[dict[str, bytes]], Any]) -> Callable[[Any], Files]:
    def build(sound: Mapping[str, Files]) -> Files:
        ((name, data),) = sound[format].items()
        return {name: edited(data, edit)}

    return build


CASES = [
    *(Case(f"pickle-{id}", "pickle", one(name, data), "intake" if "entries" in says or "times" in says else "guard", says, code)
      for id, name, data, says, code in PICKLES),
    *(Case(f"safetensors-{id}", "safetensors", one("m.safetensors", data), "guard", says, code)
      for id, data, says, code in HEADERS),
    *(Case(f"torchscript-{id}", "torchscript", _sound("torchscript", edit), reach, says, code)
      for id, edit, reach, says, code in SCRIPTS),
    *(Case(f"pt2-{id}", "pt2", _sound("pt2", edit), reach, says, code)
      for id, edit, reach, says, code in PROGRAMS),
]  # fmt: skip
