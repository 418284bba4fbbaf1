"""One small model along every pair that the plugins can plan: ``python -m benchmarks.tour``.

What no other bench visits is visited here: the proofs are kept in benchmarks/proofs/tour.json,
a pair at a time, so that a broken run goes on where it was. Pairs of which another bench has a
proof are left out, unless ``--all`` is given. A source that is no file of ours is made by the
house itself, from the test models: what cannot be made is left out, and said.
"""

from __future__ import annotations

import argparse
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

from benchmarks import proof
from benchmarks.proof import Proof
from modelport import engine, planner
from modelport.engine import House
from modelport.errors import ModelportError
from modelport.model import Verdict
from modelport.sandbox import workplace

BENCH = "tour"
FILE = proof.FOLDER / "tour.json"
CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus" / "oneflow"
GRAPH = "conv_bias"  # one of the corpus's compiled nn.Graphs
SECONDS = 240.0  # of one step; the model has a few hundred weights
CALIBRATED = "onnx.int8-static"
SAMPLES = 16

MODEL = """
import sys, numpy, onnx
from onnx import TensorProto, helper, numpy_helper
draw = numpy.random.default_rng(0)
def weight(name, *shape):
    return numpy_helper.from_array((draw.normal(size=shape) / 5).astype("float32"), name)
w = [weight("conv.weight", 4, 3, 3, 3), weight("conv.bias", 4), weight("fc.weight", 5, 256),
     weight("fc.bias", 5)]
nodes = [
    helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["c"], ["r"]),
    helper.make_node("Flatten", ["r"], ["f"]),
    helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], transB=1),
]
ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in
         (("x", [1, 3, 8, 8]), ("y", [1, 5]))]
graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], w)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, sys.argv[1])
numpy.savez(sys.argv[2], x=draw.normal(size=(SAMPLES, 3, 8, 8)).astype("float32"))
import safetensors.numpy
arrays = {one.name: numpy_helper.to_array(one) for one in w}
safetensors.numpy.save_file(arrays, sys.argv[3])
""".replace("SAMPLES", str(SAMPLES))


def samples(folder: Path, house: House) -> dict[str, Path]:
    """Return one model a format, by the format's id, as far as they can be had here."""
    files = [folder / name for name in ("net.onnx", "calibration.npz", "weights.safetensors")]
    subprocess.run([house.envs.python("base"), "-c", MODEL, *files], check=True)
    found = {"onnx": files[0], "safetensors": files[2]}
    with tarfile.open(CORPUS / "operators.tar.xz") as archive:
        wanted = [one for one in archive.getmembers() if one.name.startswith(f"{GRAPH}/graph/")]
        archive.extractall(folder, wanted, filter="data")
    found["oneflow"] = folder / GRAPH / "graph"
    for source, target in (
        ("onnx", "torchscript"), ("onnx", "pt2"), ("onnx", "oneflow-code"),
        ("safetensors", "npz"), ("safetensors", "pytorch-pickle"),
        ("safetensors", "oneflow-state"),
    ):  # fmt: skip
        request = engine.Request((found[source],), target)
        try:
            done = engine.convert(request, folder / f"make-{target}", house)
        except ModelportError as error:
            print(f"no {target} to start from: {error}", flush=True)
            continue
        # As a folder, whose name says nothing: some formats are several files.
        found[target] = done.folder / Path(done.result.main).parts[0]
        if len(done.result.files) > 1 and found[target].is_file():
            found[target] = _gathered(done, folder / f"{target}-model")
    return found


def _gathered(done: engine.Conversion, folder: Path) -> Path:
    """Move the files of a result into a folder without its report."""
    folder.mkdir()
    for name in dict.fromkeys(Path(file).parts[0] for file in done.result.files):
        (done.folder / name).rename(folder / name)
    return folder


def visit(source: str, target: str, file: Path, house: House) -> Proof:
    """Take a model along one pair and return what came of it."""
    calibration = file.with_name("calibration.npz") if target == CALIBRATED else None
    request = engine.Request((file,), target, source=source, calibration=calibration)
    return proof.of_request(request, source, f"{source} sample", BENCH, house)


def main() -> None:
    """Visit what is wanted, a line a pair."""
    parser = argparse.ArgumentParser(prog="benchmarks.tour", description=__doc__)
    parser.add_argument("--all", action="store_true", help="visit what is known, too")
    asked = parser.parse_args()
    house = House.open()
    house = replace(house, limits=replace(house.limits, seconds=SECONDS), budget=SECONDS)
    proofs = proof.everything()
    known = {(one.source, one.target) for one in proofs if one.outcome == Verdict.VERIFIED}
    known |= {(one.source, one.target) for one in proofs if one.bench == BENCH}
    with workplace() as scratch:
        for source, file in samples(scratch, house).items():
            for target in planner.targets(source, house.registry.converters.values()):
                if asked.all or (source, target) not in known:
                    found = visit(source, target, file, house)
                    proof.keep([found], FILE)
                    print(f"{source:16} {target:20} {found.outcome:20} {found.reason}", flush=True)


if __name__ == "__main__":
    main()
