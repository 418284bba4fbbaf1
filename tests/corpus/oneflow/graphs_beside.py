"""Puts a graph of the same layers beside OneFlow weights: ``python graphs_beside.py DIR KIND``.

Runs in the environment ``base``. The graph is one layer, fc, whose own weights are zero.
"""

import sys
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

into, kind = Path(sys.argv[1]), sys.argv[2]
layer = torch.nn.Linear(8, 4)
torch.nn.init.zeros_(layer.weight)
torch.nn.init.zeros_(layer.bias)
if kind == "torchscript":
    net = torch.nn.Sequential()
    net.add_module("fc", layer)
    torch.jit.trace(net.eval(), torch.rand(1, 8)).save(str(into / "net.pt"))
else:
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 8]), ("y", [1, 4]))
    ]
    held = [
        numpy_helper.from_array(tensor.detach().numpy(), f"fc.{name}")
        for name, tensor in layer.named_parameters()
    ]
    gemm = helper.make_node("Gemm", ["x", "fc.weight", "fc.bias"], ["y"], transB=1)
    graph = helper.make_graph([gemm], "net", values[:1], values[1:], held)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), into / "net.onnx")
