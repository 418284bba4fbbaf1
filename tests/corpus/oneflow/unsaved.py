"""Saves a graph that reads a tensor of a plain attribute: ``python unsaved.py FOLDER``.

Runs in the environment ``oneflow``. Writes FOLDER/saved as ``oneflow.save`` does, which leaves the
tensor out, and FOLDER/completed with it, as docs/frameworks/oneflow.md shows.
"""

import sys
from pathlib import Path

import oneflow as flow
from oneflow.framework.check_point_v2 import _save_tensor_to_disk


class Net(flow.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = flow.nn.Linear(4, 3)
        self.shifts = [flow.arange(3).to(flow.float32)]

    def forward(self, x):
        return flow.relu(self.layer(x) + self.shifts[0])


class Graph(flow.nn.Graph):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def build(self, x):
        return self.net(x)


graph = Graph()
graph(flow.ones(2, 4))
for name in ("saved", "completed"):
    flow.save(graph, str(Path(sys.argv[1]) / name))
for name, tensor in graph.state_dict().items():
    if "FreeEagerTensor" in name:
        _save_tensor_to_disk(tensor, Path(sys.argv[1]) / "completed" / name)
