"""A union of test models computes what each of them computes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

UNION = Path(__file__).resolve().parents[2] / "benchmarks" / "operators" / "union.py"

CODE = """
import json, sys
from pathlib import Path
import numpy as np
import onnx
import onnxruntime

place = Path(sys.argv[1])
branch = '''<ir_version: 8, opset_import: ["" : 13]>
    b (float[N] x, bool c) => (float[N] y) {
      s = Relu (x)
      y = If (c) <then_branch = t () => (float[N] a) { a = Add (s, x) },
                  else_branch = e () => (float[N] a) { a = Neg (s) }>
    }'''
plain = '''<ir_version: 8, opset_import: ["" : 14]>
    p (float[N] x) => (float[N] y, float[N] s) { s = Relu (x)  y = Exp (s) }'''
rng = np.random.default_rng(0)
feeds = {
    "branch": {"x": rng.normal(size=3).astype(np.float32), "c": np.array(True)},
    "plain": {"x": rng.normal(size=5).astype(np.float32)},
}
if sys.argv[2] == "write":
    for name, text in (("branch", branch), ("plain", plain)):
        onnx.save(onnx.parser.parse_model(text), place / f"{name}.onnx")
        np.savez(place / f"{name}.npz", **feeds[name])
    sys.exit()
want = {}
for index, name in enumerate(feeds):
    session = onnxruntime.InferenceSession(place / f"{name}.onnx")
    for port, value in zip(session.get_outputs(), session.run(None, feeds[name])):
        want[f"c{index}_{port.name}"] = value
session = onnxruntime.InferenceSession(place / "union.onnx")
got = session.run(list(want), dict(np.load(place / "union.npz")))
same = [bool(np.array_equal(a, b)) for a, b in zip(want.values(), got)]
opsets = [entry.version for entry in onnx.load(place / "union.onnx").opset_import]
print(json.dumps([list(want), same, opsets]))
"""


@pytest.mark.env("base")
def test_a_union_computes_what_its_cases_compute(base_python: Path, tmp_path: Path) -> None:
    def run(*argv: str | Path) -> str:
        done = subprocess.run(
            [base_python, *argv], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    run("-c", CODE, tmp_path, "write")
    run(UNION, tmp_path, tmp_path / "union", "branch", "plain")
    names, same, opsets = json.loads(run("-c", CODE, tmp_path, "compare"))
    assert (names, same, opsets) == (["c0_y", "c1_y", "c1_s"], [True, True, True], [14])
