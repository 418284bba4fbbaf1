"""Writes small nn.Graphs with their outputs: ``python graphs.py OUT.tar.xz``.

A line of cases.json is one graph: what its module computes, its inputs, and a layer with weights
if it has one; ``f`` draws normal, ``p`` positive and ``i`` whole numbers below the first.
Runs in the environment ``oneflow``. OneFlow 0.9.0 ends the whole process on some operators that
it cannot print as MLIR (softplus), so each failure starts a new one behind it.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def cases():
    return json.loads((HERE / "cases.json").read_text("utf-8"))


def draws(seed):
    draw = np.random.default_rng(seed)

    def f(*shape):
        return draw.standard_normal(shape).astype(np.float32)

    def p(*shape):
        return (np.abs(draw.standard_normal(shape)) + 0.5).astype(np.float32)

    def i(high, *shape):
        return draw.integers(0, high, shape).astype(np.int64)

    return {"f": f, "p": p, "i": i, "X": lambda: f(2, 3, 4, 5), "np": np}


def leaves(value):
    if hasattr(value, "numpy"):
        return [value.numpy()]
    return [array for part in value for array in leaves(part)]


def make(name, case, seed, into):
    import oneflow as flow
    from oneflow import nn

    words = {"flow": flow, "nn": nn, "F": nn.functional, "C": flow._C, **draws(seed)}
    build = eval(case[0], words)
    feeds = list(eval(f"({case[1]},)", words))
    flow.manual_seed(seed)
    layer = eval(case[2], words).eval() if len(case) > 2 else None

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            if layer is not None:
                self.layer = layer

        def forward(self, *xs):
            return build(*xs) if layer is None else build(self.layer, *xs)

    class Graph(flow.nn.Graph):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def build(self, *xs):
            return self.net(*xs)

    graph = Graph()
    made = leaves(graph(*(flow.tensor(x) for x in feeds)))
    (into / name).mkdir()
    flow.save(graph, str(into / name / "graph"))
    arrays = {f"x{k}": x for k, x in enumerate(feeds)} | {f"y{k}": y for k, y in enumerate(made)}
    np.savez(into / name / "io.npz", **arrays)


def serve(into, names):
    every = cases()
    for name in names:
        print("begin", name, flush=True)
        make(name, every[name], list(every).index(name), into)


def main(out):
    left = list(cases())
    with tempfile.TemporaryDirectory() as folder:
        while left:
            argv = [sys.executable, __file__, "--serve", folder, *left]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            begun = [line.split()[1] for line in done.stdout.splitlines() if "begin " in line]
            left = left[len(begun) :]
            if done.returncode:
                sys.exit(f"{begun[-1]}: {done.stderr.strip()[-600:]}")
        with tarfile.open(out, "w:xz") as archive:
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                    entry.size = path.stat().st_size
                    archive.addfile(entry, io.BytesIO(path.read_bytes()))


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]), sys.argv[3:])
    else:
        main(sys.argv[1])
