"""Writes one mutated ONNX model a fault: ``python onnx_mutations.py FOLDER``, in ``base``.

Each fault sits in a sound convolutional network, which is written as ``sound.onnx``; files of
external data stand beside as ``NAME.data``.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_bombs
from onnx import TensorProto, helper
from onnx_sound import MADE, chain, fault, numbers, sound, tensor

assert onnx_bombs.MADE is MADE  # imported for the faults that it adds


@fault
def data_short(m):
    m.graph.initializer[0].raw_data = m.graph.initializer[0].raw_data[:40]


@fault
def data_long(m):
    m.graph.initializer[0].raw_data += bytes(4096)


@fault
def dims_negative(m):
    m.graph.initializer[0].dims[0] = -8


@fault
def dims_overflow(m):
    m.graph.initializer[0].dims[:] = [2**32, 2**32, 2, 2]


@fault
def dims_huge(m):
    m.graph.initializer[0].dims[:] = [2**40]


@fault
def type_unknown(m):
    m.graph.initializer[0].data_type = 99


@fault
def data_twice(m):
    m.graph.initializer[0].float_data.extend([1.0, 2.0])


@fault
def cycle(m):
    m.graph.node[0].input[0] = "y"


@fault
def duplicate_output(m):
    m.graph.node[1].output[0] = "c"


@fault
def missing_input(m):
    m.graph.node[1].input[0] = "nowhere"


@fault
def unknown_operator(m):
    m.graph.node[1].op_type = "Relu\x1b[31m<script>"


@fault
def attribute_type(m):
    m.graph.node[0].attribute.extend([helper.make_attribute("strides", "one")])


@fault
def kernel_mismatch(m):
    m.graph.node[0].attribute.extend([helper.make_attribute("kernel_shape", [7, 9, 2])])


@fault
def group_zero(m):
    m.graph.node[0].attribute.extend([helper.make_attribute("group", 0)])


@fault
def stride_zero(m):
    m.graph.node[0].attribute.extend([helper.make_attribute("strides", [0, 0])])


@fault
def pads_huge(m):
    m.graph.node[0].attribute[0].ints[:] = [2**31, 2**31, 2**31, 2**31]


@fault
def opset_none(m):
    del m.opset_import[:]


@fault
def opset_future(m):
    m.opset_import[0].version = 9999


@fault
def no_graph_output(m):
    del m.graph.output[:]


@fault
def names_markup(m):
    m.graph.input[0].name = m.graph.node[0].input[0] = "<script>alert(1)</script>"
    m.graph.output[0].name = m.graph.node[-1].output[0] = "\x1b[2J\u202eowned{{7*7}}"
    m.producer_name = "<svg onload=alert(1)>"
    m.doc_string = m.graph.doc_string = "<img src=x onerror=alert(1)>"
    helper.set_model_props(m, {"<b>": "javascript:alert(1)", "\x1b]0;t\x07": "\u0000"})


@fault
def names_paths(m):
    m.graph.input[0].name = m.graph.node[0].input[0] = "../../tmp/modelport-canary/in"
    m.graph.node[0].name = "/tmp/modelport-canary/node"
    for place, node in ((1, m.graph.node[0]), (2, m.graph.node[0])):
        node.input[place] = m.graph.initializer[place - 1].name = f"/tmp/modelport-canary/{place}"


@fault
def names_code(m):
    word = '"); import os; os.system("touch /tmp/modelport-canary/code") #'
    m.graph.node[1].name = m.graph.node[1].output[0] = m.graph.node[2].input[0] = word


@fault
def names_of_10_kb(m):
    m.graph.input[0].name = m.graph.node[0].input[0] = "n" * 10_000


@fault
def metadata_of_40_mb(m):
    helper.set_model_props(m, {f"k{i}": "v" * 1_000_000 for i in range(40)})


@fault
def inputs_of_64_mb(m):
    m.graph.input.extend(tensor("n" * 64_000 + str(i), [1]) for i in range(1000))


@fault
def sizes_of_many_axes(m):
    m.graph.input[0].type.tensor_type.shape.CopyFrom(tensor("x", [1] * 5000).type.tensor_type.shape)


@fault
def bytes_after(m):
    return m.SerializeToString() + b"\xff" * 500


@fault
def bytes_truncated(m):
    return m.SerializeToString()[:-700]


@fault
def text_not_utf8(m):
    m.graph.node[1].name = "NAMEHERE"
    return m.SerializeToString().replace(b"NAMEHERE", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe")


@fault
def zip_behind(m):
    return m.SerializeToString() + b"PK\x03\x04" + bytes(200) + b"PK\x05\x06" + bytes(18)


@fault
def protobuf_nested(m):
    inner = b""
    for _ in range(400):  # AttributeProto.g (6) in NodeProto.attribute (5) in GraphProto.node (1)
        for tag in (0x32, 0x2A, 0x0A):
            inner = bytes([tag]) + _varint(len(inner)) + inner
    return m.SerializeToString() + b"\x3a" + _varint(len(inner)) + inner


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def outside(keys, *, where="initializer"):
    """Return the sound model with its first weight kept outside, described by ``keys``."""
    made = sound()
    first = made.graph.initializer[0]
    if where == "sparse":
        made = chain(helper.make_node("Add", ["x", "w"], ["q"]))
        sparse = helper.make_sparse_tensor(numbers("w", 1.0, kind=np.float32), numbers("i", 0), [4])
        made.graph.sparse_initializer.extend([sparse])
        first = made.graph.sparse_initializer[0].values
    if where == "attribute":
        node = helper.make_node("Custom", ["x"], ["z"], domain="d", many=[numbers("w", 1, 2)])
        made.graph.node.extend([node])
        made.opset_import.extend([helper.make_opsetid("d", 1)])
        first = made.graph.node[-1].attribute[0].tensors[0]
    first.ClearField("raw_data")
    first.ClearField("float_data")
    first.data_location = TensorProto.EXTERNAL
    for key, value in keys:
        first.external_data.add(key=key, value=value)
    return made


DATA = sound().graph.initializer[0].raw_data
EXTERNAL = {
    "sound": [("location", "w.data"), ("offset", "0"), ("length", str(len(DATA)))],
    "dotdot": [("location", "a/../../../../../../etc/passwd")],
    "absolute": [("location", "/etc/passwd")],
    "device": [("location", "/dev/zero")],
    "proc": [("location", "/proc/self/environ")],
    "canary": [("location", "../../../../tmp/modelport-canary/w")],
    "self": [("location", "m.onnx")],
    "nul": [("location", "w.data\0.txt")],
    "long": [("location", "n" * 5000)],
    "none": [("offset", "0")],
    "missing": [("location", "elsewhere.data")],
    "offset-negative": [("location", "w.data"), ("offset", "-8")],
    "offset-beyond": [("location", "w.data"), ("offset", str(2**62))],
    "offset-overflow": [("location", "w.data"), ("offset", str(2**64 - 4))],
    "offset-words": [("location", "w.data"), ("offset", "1_0")],
    "offset-digits": [("location", "w.data"), ("offset", "\u0661\u0660")],
    "length-beyond": [("location", "w.data"), ("length", str(2**40))],
    "length-short": [("location", "w.data"), ("length", "8")],
    "key-twice": [("location", "w.data"), ("location", "/etc/passwd")],
    "key-unknown": [("location", "w.data"), ("__class__", "str")],
    "basepath": [("location", "w.data"), ("basepath", "/etc")],
    "sparse": [("location", "/etc/passwd")],
    "attribute": [("location", "/etc/passwd")],
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(sound(), folder / "sound.onnx")
    for name, make in MADE.items():
        made = sound()
        given = make(made)
        content = given if isinstance(given, bytes) else (given or made).SerializeToString()
        (folder / f"{name}.onnx").write_bytes(content)
    (folder / "w.data").write_bytes(DATA)
    for name, keys in EXTERNAL.items():
        where = name if name in {"sparse", "attribute"} else "initializer"
        (folder / f"external-{name}.onnx").write_bytes(
            outside(keys, where=where).SerializeToString()
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
