"""OneFlow's texts and folders, and NumPy's archives, with one fault each: read by us alone."""

from __future__ import annotations

import io
import pickle

import numpy as np

from mutations.archives import zipped
from mutations.case import Case, one
from mutations.pickles import evil

GRAPH = """module {
  oneflow.job @Net_0(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %output = "oneflow.input"(%arg0) {data_type = 2 : i32, op_name = "_Net_0_input.0.0_2", shape = [2 : si64, 3 : si64]} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %0 = "oneflow.relu"(%output) {op_name = "net-relu-0"} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %output_0 = "oneflow.output"(%0) {data_type = 2 : i32, op_name = "_Net_0_output.0.0_3", shape = [2 : si64, 3 : si64]} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    oneflow.return %output_0 : tensor<2x3xf32>
  }
}
"""
VARIABLE = '%w = "oneflow.variable"() {op_name = "NAME", shape = [3 : si64]} : () -> tensor<3xf32>\n    %0 ='
META = b"shape {\n  dim: 3\n}\ndata_type: kFloat\n"
BROKEN, UNSAFE, WEIGHTS = "corrupt-model", "unsafe-model", "weights-only"


def edited(old: str, new: str) -> bytes:
    """Return the graph with one text replaced."""
    assert old in GRAPH
    return GRAPH.replace(old, new, 1).encode("utf-8", "surrogatepass")


TEXTS = [
    ("cut", GRAPH[:-120].encode(), "ends before|cannot be read", BROKEN),
    ("results-many", edited("%0 =", "%0:2000000000 ="), "cannot be read at line", BROKEN),
    ("sizes-huge", edited("[2 : si64", "[" + "9" * 5000 + " : si64"), "cannot be read at line", BROKEN),
    ("lists-deep", edited('"net-relu-0"', '"n", a = ' + "[" * 50_000), "cannot be read at line", BROKEN),
    ("order", edited('relu"(%output)', 'relu"(%output_0)'), "", ""),
    ("variable-outside", edited("%0 =", VARIABLE.replace("NAME", "../../etc")), "outside", BROKEN),
    ("variable-absolute", edited("%0 =", VARIABLE.replace("NAME", "/etc")), "outside", BROKEN),
    ("variable-missing", edited("%0 =", VARIABLE.replace("NAME", "fc.w")), "is missing", BROKEN),
    ("not-text", edited("net-relu-0", "net\udcff"), "is no text", BROKEN),
]  # fmt: skip
STATE = pickle.dumps({"protocol_version": 1, "data": {"w": 1}}, 2)
FOLDERS = [
    ("class", (("pickled_data", b"\x80\x02}(X\x10\0\0\0protocol_versionK\1X\4\0\0\0data" + evil()[2:-1]
      + b"u."), ("w/out", b"")), "posix.system|pickled", f"{UNSAFE}|{BROKEN}"),
    ("no-tensor", (("pickled_data", STATE), ("w/out", b"")), "holds no tensor|no state_dict", BROKEN),
    ("size-lies", (("snapshot_done", b""), ("w/meta", META.replace(b"3", b"3000000000")),
      ("w/out", bytes(12))), "bytes, expected|size", BROKEN),
    ("no-type", (("snapshot_done", b""), ("w/meta", META[:20]), ("w/out", bytes(12))), "meta", BROKEN),
    ("traversal", (("snapshot_done", b""), ("../w/meta", META), ("../w/out", bytes(12))), "leads out",
      BROKEN),
]  # fmt: skip


def array(shape: str = "(4,)", kind: str = "<f4", data: bytes = bytes(16)) -> bytes:
    """Return an ``.npy`` whose header says this."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\1\0" + (len(text) + 1).to_bytes(2, "little") + text.encode() + b"\n" + data


def objects() -> bytes:
    """Return an array of objects, which is a pickle."""
    stream = io.BytesIO()
    np.save(stream, np.array([{}], object), allow_pickle=True)
    return stream.getvalue()


ARRAYS = [
    ("objects", zipped(("w.npy", objects())), "Python objects|damaged", BROKEN),
    ("shape-huge", zipped(("w.npy", array("(1099511627776,)"))), "damaged|fewer|short", BROKEN),
    ("shape-negative", zipped(("w.npy", array("(-4,)"))), "damaged", BROKEN),
    ("shape-code", zipped(("w.npy", array("(__import__('os').getpid(),)"))), "damaged", BROKEN),
    ("cut", zipped(("w.npy", array()[:40])), "damaged", BROKEN),
    ("two-names", zipped(("w.npy", array()), ("W.npy", array())), "two entries", BROKEN),
]  # fmt: skip
CASES = [
    *(Case(f"oneflow-{id}", "oneflow", one("model.mlir", data), "guard" if code else "taken", says, code)
      for id, data, says, code in TEXTS),
    *(Case(f"oneflow-state-{id}", "oneflow-state", one("m.zip", zipped(*members)),
           "intake" if id == "traversal" else "guard", says, code)
      for id, members, says, code in FOLDERS),
    *(Case(f"npz-{id}", "npz", one("m.npz", data), "intake" if "entries" in says else "guard", says, code)
      for id, data, says, code in ARRAYS),
]  # fmt: skip
