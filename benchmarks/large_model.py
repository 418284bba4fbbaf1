"""Writes an ONNX model of a given size: ``large_model.py FILE LAYERS [WIDTH]``; runs in ``base``.

A chain of Gemm and Tanh, float32, WIDTH squared weights a layer (default 4096: 64 MiB), kept
outside the graph file above 1 GiB. Weights keep the signal at unit scale, so that every
layer shows in the output.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(path, layers, width):
    """Write the model layer by layer, never holding more than one."""
    draw = np.random.default_rng(0)
    outside = layers * width * width * 4 > 1 << 30
    data = path.with_name(path.name + ".data")
    nodes, weights, here = [], [], "x"
    with data.open("wb") as stream:
        for index in range(layers):
            values = draw.standard_normal((width, width), dtype=np.float32)
            values *= np.float32(1.2 / np.sqrt(width))
            name = f"w{index}"
            if outside:
                tensor = TensorProto(name=name, dims=[width, width], data_type=TensorProto.FLOAT)
                tensor.data_location = TensorProto.EXTERNAL
                for key, value in (
                    ("location", data.name),
                    ("offset", str(stream.tell())),
                    ("length", str(values.nbytes)),
                ):
                    tensor.external_data.add(key=key, value=value)
                stream.write(values.tobytes())
            else:
                tensor = numpy_helper.from_array(values, name)
            weights.append(tensor)
            nodes.append(helper.make_node("Gemm", [here, name], [f"g{index}"], transB=1))
            here = "y" if index == layers - 1 else f"t{index}"
            nodes.append(helper.make_node("Tanh", [f"g{index}"], [here]))
    if not outside:
        data.unlink()
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, width]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "large", ports[:1], ports[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


if __name__ == "__main__":
    width = int(sys.argv[3]) if len(sys.argv) > 3 else 4096
    write(Path(sys.argv[1]), int(sys.argv[2]), width)
