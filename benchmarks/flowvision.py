"""OneFlow's model zoo through the house: ``python -m benchmarks.flowvision FOLDER``.

Each architecture of flowvision 0.2.2 goes from nn.Graph to ONNX, to a module, to a new nn.Graph,
and back to ONNX; at every stop its outputs are compared with OneFlow's own on the same input.
Writes FOLDER/table.md, and keeps what it made there. Needs the environments ``base`` and
``oneflow``, and in FOLDER/flowvision, by ``pip install --no-deps --target``: flowvision==0.2.2,
scipy==1.10.1, six, rich and tabulate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.proof import FOLDER, MEASURED, Proof, keep, today
from modelport.engine import House

HERE = Path(__file__).resolve().parent
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
    "uniformer_small": 224, "mlp_mixer_s32_224": 224, "gmlp_ti16_224": 224, "resmlp_12_224": 224,
    "fast_neural_style": 64, "genet_small": 64, "levit_128s": 224, "regionvit_tiny_224": 224,
}  # fmt: skip
STAGES = (("oneflow", "graph"), ("base", "there"), ("oneflow", "again"), ("base", "back"))
PAIRS = {
    "there": ("oneflow", "onnx"), "module": ("onnx", "oneflow-code"), "again": ("onnx", "oneflow"),
}  # fmt: skip
LIMIT = 1e-5  # of the output's scale: float32 noise


def run(folder: Path, name: str, house: House) -> dict[str, object]:
    """Return what each stage said of one architecture; stops at the first that refuses."""
    found: dict[str, object] = {}
    for environment, stage in STAGES:
        told = folder / name / f"{stage}.json"
        if not told.is_file():
            argv = [
                house.envs.python(environment), "-B", HERE / "flowvision_stage.py", stage, folder,
                name, str(ARCHITECTURES[name]),
            ]  # fmt: skip
            (folder / name).mkdir(parents=True, exist_ok=True)
            with (folder / name / f"{stage}.log").open("w") as log:
                argv = ["nice", "-n", "10", *map(str, argv)]
                subprocess.run(argv, stdout=log, stderr=log, check=False, env=dict(os.environ))
        if not told.is_file():
            return {**found, stage: "crashed"}
        said = json.loads(told.read_text("utf-8"))
        found.update(said)
        if "refused" in said:
            break
    return found


def cell(value: object) -> str:
    """Return an error as the table shows it."""
    return f"{value:.1e}" if isinstance(value, float) else str(value if value is not None else "")


def row(name: str, found: dict[str, object]) -> str:
    """Return a line of the table."""
    said = [found.get(key) for key in ("scale", "there", "module", "again", "back")]
    return f"| {name} | {' | '.join(map(cell, said))} | {found.get('refused', '')} |"


def proofs(name: str, found: Mapping[str, object]) -> list[Proof]:
    """Return what one architecture proves: outputs held against OneFlow's own, outside the flow."""
    kept = []
    for stage, (source, target) in PAIRS.items():
        error = found.get(stage)
        if isinstance(error, float):
            reason = "" if error <= LIMIT else f"off by more than {LIMIT:g} of the output's scale"
            kept.append(
                Proof(
                    source=source,
                    target=target,
                    model=name,
                    outcome=MEASURED,
                    bench="flowvision",
                    date=today(),
                    error=error,
                    versions={"flowvision": "0.2.2", "oneflow": "0.9.0"},
                    reason=reason,
                )
            )
    return kept


def main() -> None:
    """Run all architectures, write the table and keep the proofs."""
    folder = Path(sys.argv[1]).resolve()
    house = House.open()
    head = "architecture | largest output | ONNX | module in OneFlow | new nn.Graph in OneFlow"
    lines = [f"| {head} | ONNX again | refused |", "|---|---|---|---|---|---|---|"]
    for name in ARCHITECTURES:
        found = run(folder, name, house)
        lines.append(row(name, found))
        keep(proofs(name, found), FOLDER / "flowvision.json")
        print(lines[-1], flush=True)
    (folder / "table.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
