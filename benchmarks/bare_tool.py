"""Converts a model with bare tools and runs the result: ``bare_tool.py JOB ANSWER``.

Nothing of modelport is used. ANSWER says whether the numbers agree with the source's to
1e-3 of the largest, and in words what came of it. A crash is left to the caller. Runs in
the environment ``base``, in a scratch folder.
"""

import json
import sys
from pathlib import Path

import numpy as np
from bare_steps import STEPS, Model, onnx_model, torch_run

CLOSE = 1e-3  # of the largest output: a bare result that is this near counts as right
SIZES = {"batch": 1}  # open sizes that nobody gave


def feeds_of(names, shapes, kinds, job):
    """Return arrays by name: the given ones, else drawn for the given or declared shapes."""
    if job["inputs"]:
        with np.load(job["inputs"]) as archive:
            return {name: archive[name] for name in names}
    draw = np.random.default_rng(0)
    made = {}
    for name, shape, kind in zip(names, shapes, kinds, strict=True):
        sizes = [n if isinstance(n, int) and n > 0 else SIZES.get(str(n), 16) for n in shape]
        sizes = job["shapes"].get(name, sizes)
        if name in job["values"]:
            made[name] = np.full(sizes, job["values"][name])
            continue
        whole = np.dtype(kind).kind in "iub"
        made[name] = (draw.integers(0, 2, sizes) if whole else draw.standard_normal(sizes)).astype(
            kind
        )
    return made


def source(job):
    """Return the source as a Model, and its inputs."""
    path = Path(job["file"])
    if path.suffix == ".onnx":
        model = onnx_model(path)
        ports = model.session.get_inputs()
        kinds = [KINDS[port.type] for port in ports]
        return model, feeds_of([p.name for p in ports], [p.shape for p in ports], kinds, job)
    import torch

    if path.suffix == ".pt2":
        program = torch.export.load(path)
        module = program.module()
        values = {node.name: node.meta.get("val") for node in program.graph.nodes}
        names = list(program.graph_signature.user_inputs)
        shapes = [[_hint(size) for size in values[name].shape] for name in names]
        kinds = [str(values[name].dtype).removeprefix("torch.") for name in names]
        feeds = feeds_of(names, shapes, kinds, job)
    else:
        module = torch.jit.load(path).eval()
        names = [a.name for a in module.forward.schema.arguments[1:]]
        missing = [name for name in names if name not in job["shapes"] and not job["inputs"]]
        if missing:
            raise SystemExit(f"no shape is known for {', '.join(missing)}")
        feeds = feeds_of(names, [()] * len(names), ["float32"] * len(names), job)
    model = Model(path, lambda given: torch_run(module, given))
    model.module = module
    return model, feeds


def _hint(size):
    return size if isinstance(size, int) else int(size.node.hint or 1)


KINDS = {
    f"tensor({name})": kind
    for name, kind in (
        ("float", "float32"), ("double", "float64"), ("float16", "float16"), ("int64", "int64"),
        ("int32", "int32"), ("uint8", "uint8"), ("int8", "int8"), ("bool", "bool"),
    )
}  # fmt: skip


def compared(want, got):
    """Return (worked, words) for two lists of outputs, compared without their axes of size 1."""
    if len(want) != len(got):
        return False, f"{len(got)} outputs of {len(want)}"
    worst = 0.0
    for before, after in zip(want, got, strict=True):
        if before.size != after.size:
            return False, f"an output of {after.size} elements where the source has {before.size}"
        scale = max(float(np.abs(before).max()), 1e-12)
        apart = np.abs(before.ravel().astype(np.float64) - after.ravel())
        worst = max(worst, float(apart.max()) / scale if np.isfinite(apart).all() else np.inf)
    return worst <= CLOSE, f"differs by {worst:.1e} of the largest output"


def main(job, answer):
    """Go through the chain, run the result, and write what came of it."""
    model, feeds = source(job)
    if "pnnx" in job["chain"]:  # an ncnn model takes one sample at a time
        feeds = {name: array[:1] if array.ndim > 1 else array for name, array in feeds.items()}
    want = model.run(feeds)
    try:
        for step in job["chain"].split(", "):
            name, *arguments = step.split()
            model = STEPS[name](model, feeds, *arguments)
        worked, said = compared(want, model.run(feeds))
    except (Exception, SystemExit) as exc:  # noqa: BLE001  # what a tool raises is the answer
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
        worked, said = False, f"{type(exc).__name__}: {lines[0] if lines else ''}"
    answer.write_text(
        json.dumps({"worked": worked, "said": said.replace("SystemExit: ", "")[:300]})
    )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
