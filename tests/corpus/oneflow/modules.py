"""Runs what compare.py wrote: ``MODEL_FRAMEWORK=torch python modules.py DIR OUT.json``.

In the environment ``base`` for PyTorch, in ``oneflow`` for OneFlow. Writes the largest error of
each module's outputs, relative to the output's scale.
"""

import json
import sys
from pathlib import Path

import numpy as np


def error(folder):
    names = {"__name__": "net"}
    exec(compile((folder / "code" / "net.py").read_text("utf-8"), "net.py", "exec"), names)
    model, framework = names["load"](str(folder / "code" / "net_weights")), names["T"]
    with np.load(folder / "io.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    feeds = [arrays[f"x{k}"] for k in range(len(names["Model"].INPUTS))]
    with framework.no_grad():
        made = model(*map(framework.tensor, feeds))
    worst = 0.0
    for place, got in enumerate(made if isinstance(made, tuple) else (made,)):
        want, array = arrays[f"y{place}"], got.numpy()
        if array.shape != want.shape or array.dtype != want.dtype:
            return f"{array.dtype}{array.shape} in place of {want.dtype}{want.shape}"
        far = np.abs(array.astype(np.float64) - want.astype(np.float64)).max(initial=0)
        worst = max(
            worst, float(far) / max(float(np.abs(want.astype(float)).max(initial=0)), 1e-30)
        )
    return worst


def main(root):
    found = {}
    for code in sorted(root.glob("*/code/net.py")):
        folder = code.parent.parent
        try:
            found[folder.name] = error(folder)
        except Exception as exc:  # noqa: BLE001  # a wrong operator may raise anything
            lines = [line for line in str(exc).splitlines() if line.strip()]
            found[folder.name] = f"{type(exc).__name__}: {lines[-1] if lines else ''}"
    return found


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(Path(sys.argv[1]))), "utf-8")
