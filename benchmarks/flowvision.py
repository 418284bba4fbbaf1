"""OneFlow's model zoo through the house: ``python -m benchmarks.flowvision FOLDER [NAME ...]``.

Each architecture of flowvision 0.2.2 goes from nn.Graph to ONNX, to a module, to a new nn.Graph,
and back to ONNX; at every stop its outputs are compared with OneFlow's own on the same input.
Some graphs go through the whole flow to the other targets too. Writes the table in
docs/frameworks/oneflow.md and benchmarks/proofs/flowvision.json, and keeps in FOLDER what each
stage said: a second run goes on where the first was stopped. Needs the environments ``base`` and
``oneflow``, and in FOLDER/flowvision, by ``pip install --no-deps --target``: flowvision==0.2.2,
scipy==1.10.1, six, rich and tabulate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import proof, table
from benchmarks.flowvision_targets import ONWARD, onward, operators, tidy
from benchmarks.proof import Proof
from modelport.engine import House

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "frameworks" / "oneflow.md"
BENCH = "flowvision"
PROOFS = proof.FOLDER / f"{BENCH}.json"
BEGIN, END = "<!-- flowvision -->", "<!-- end of flowvision -->"
# Edge of the square input; a batch of two. Small ones where the architecture takes them: the
# operators are the same, and two cores have to do.
ARCHITECTURES = {
    "alexnet": 224, "squeezenet1_1": 96, "vgg11_bn": 64, "resnet18": 64, "resnet50": 64,
    "resnext50_32x4d": 64, "se_resnet50": 224, "res2net50_26w_4s": 64, "resnest50": 64,
    "densenet121": 64, "googlenet": 96, "inception_v3": 160, "mobilenet_v2": 64,
    "mobilenet_v3_small": 64, "mnasnet0_5": 64, "shufflenet_v2_x0_5": 64, "ghostnet": 64,
    "efficientnet_b0": 64, "regnet_y_400mf": 64, "rexnetv1_1_0": 64, "dla34": 224,
    "iresnet50": 112, "convnext_tiny_224": 64, "convmixer_768_32_relu": 32, "poolformer_s12": 64,
    "van_tiny": 64, "mobilevit_xx_small": 64, "vit_tiny_patch16_224": 224,
    "deit_tiny_distilled_patch16_224": 224, "swin_tiny_patch4_window7_224": 224,
    "cswin_tiny_224": 224, "crossformer_tiny_patch4_group7_224": 224, "pvt_tiny": 224,
    "uniformer_small": 224, "resmlp_12_224": 224, "fast_neural_style": 64, "genet_small": 64,
    "levit_128s": 224, "regionvit_tiny_224": 224,
}  # fmt: skip
STAGES = (("oneflow", "graph"), ("base", "there"), ("oneflow", "again"), ("base", "back"))
LONGEST = 1800  # seconds a stage
LIMIT = 1e-5  # of the output's scale: float32 noise
COLUMNS = {
    "scale": "largest output", "noise": "own noise", "there": "ONNX", "free": "any batch",
    "module": "module in OneFlow", "again": "new nn.Graph in OneFlow", "back": "ONNX again",
}  # fmt: skip
# Which edge an error belongs to. Each is against OneFlow's output of the first graph, so that
# later ones hold the earlier ones too.
EDGES = {
    "there": ("oneflow", "onnx", ("oneflow-to-onnx",)),
    "free": ("oneflow", "onnx.free-shapes", ("oneflow-to-onnx", "onnx-to-onnx.free-shapes")),
    "module": ("onnx", "oneflow-code", ("onnx-to-oneflow-code",)),
    "again": ("onnx", "oneflow", ("onnx-to-oneflow-code", "oneflow-code-to-oneflow")),
}


def run(folder: Path, name: str, house: House) -> dict[str, Any]:
    """Return what each stage said of one architecture; stops at the first that refuses."""
    found: dict[str, Any] = {"versions": {}}
    for environment, stage in STAGES:
        told = folder / name / f"{stage}.json"
        if not told.is_file():
            argv = [
                house.envs.python(environment), "-B", HERE / "flowvision_stage.py", stage, folder,
                name, str(ARCHITECTURES[name]),
            ]  # fmt: skip
            (folder / name).mkdir(parents=True, exist_ok=True)
            with (folder / name / f"{stage}.log").open("w") as log:
                argv = ["timeout", str(LONGEST), "nice", "-n", "10", *map(str, argv)]
                subprocess.run(argv, stdout=log, stderr=log, check=False, env=dict(os.environ))
        if not told.is_file():
            return {**found, "refused": {"code": "worker-died", "said": f"{stage} crashed"}}
        said = json.loads(told.read_text("utf-8"))
        versions = {**found["versions"], **said.pop("versions", {})}
        found.update(said, versions=versions)
        if "refused" in said:
            break
    return found


def row(name: str, found: dict[str, Any]) -> str:
    """Return a line of the table."""
    said = [f"{found[key]:.1e}" if key in found else "" for key in COLUMNS]
    notes = [found[key]["said"] for key in ("unfreed", "refused") if key in found]
    if "unsaved" in found:
        notes.insert(0, "as saved refused, then completed")
    return f"| {name} | {ARCHITECTURES[name]} | {' | '.join(said)} | {'; '.join(notes)} |"


def proofs(name: str, found: dict[str, Any]) -> list[Proof]:
    """Return what the stages prove; a refusal belongs to the edge that was next."""
    day, versions = proof.today(), found["versions"]

    def one(edge: str, model: str, outcome: str, **more: Any) -> Proof:
        source, target, route = EDGES[edge]
        return Proof(
            source, target, model, outcome, BENCH, day, versions=versions, route=route, **more
        )

    def beyond(error: float) -> str:
        own = error < found.get("noise", 0.0)
        return "" if error < LIMIT else f"{'within' if own else 'beyond'} the model's own noise"

    made = [
        one(edge, name, proof.MEASURED, error=found[edge], reason=beyond(found[edge]))
        for edge in EDGES
        if edge in found
    ]
    refusals = {"unsaved": "there", "unfreed": "free", "refused": "module"}
    for key, edge in refusals.items():
        if key in found:
            model = f"{name} as saved" if key == "unsaved" else name
            at = "there" if key == "refused" and "there" not in found else edge
            said = found[key]["said"][: proof.LONGEST_REASON]
            made.append(one(at, model, found[key]["code"], reason=said))
    return made


def summary(every: dict[str, dict[str, Any]]) -> str:
    """Return in a sentence how many came how far."""
    told = []
    for key, words in (("there", "become ONNX"), ("back", "come back from a second nn.Graph")):
        errors = [(one[key], one.get("noise", 0.0)) for one in every.values() if key in one]
        near = sum(error < LIMIT for error, _ in errors)
        own = sum(LIMIT <= error < noise for error, noise in errors)
        told.append(f"{len(errors)} {words}, {near} within 1e-5 and {own} within their own noise")
    free = sum("free" in one for one in every.values())
    return f"Of {len(every)}, {'; '.join(told)}. {free} of the ONNX models take any batch."


def write(every: dict[str, dict[str, Any]], house: House) -> None:
    """Put the table between its marks on the page on OneFlow."""
    versions = next(iter(every.values()))["versions"]
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    head = f"| architecture | input | {' | '.join(COLUMNS.values())} | |"
    where = table.machine(house)[0].partition(", Python")[0]
    lines = [
        BEGIN,
        f"{where}, {proof.today()}, with {packages}. {summary(every)}",
        "",
        head,
        "|---" * (len(COLUMNS) + 3) + "|",
        *(row(name, found) for name, found in every.items()),
        END,
    ]
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + "\n".join(lines) + rest.partition(END)[2], "utf-8")


def main() -> None:
    """Run all architectures, or those named, keep the proofs of each, and write the table."""
    folder = Path(sys.argv[1]).resolve()
    house = House.open()
    proof.keep(operators(house, BENCH), PROOFS)
    every = {}
    for name in sys.argv[2:] or ARCHITECTURES:
        every[name] = run(folder, name, house)
        proof.keep(proofs(name, every[name]), PROOFS)
        if name in ONWARD:
            proof.keep(onward(folder, name, house, BENCH), PROOFS)
        tidy(folder / name)
        print(row(name, every[name]), flush=True)
    write(every, house)


if __name__ == "__main__":
    main()
