"""Compares modelport with the bare tools on the same files and writes docs/performance.md.

``python -m benchmarks.performance [--sizes 2,45,500] [--targets openvino,mnn]``. Each cell is
wall time and peak resident memory of the whole process tree, as a ratio to the tool run
directly in the same run. Models are chains of Gemm and Tanh made by large_model.py.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from benchmarks import large
from benchmarks.cost import Cost, service, timed, watched
from benchmarks.table import machine
from modelport.engine import House

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {2: (8, 256), 45: (11, 1024), 500: (30, 2048)}
"""Megabytes: layers and width of the model of about that size."""

BARE = {
    "openvino": "import sys, openvino as ov; "
    "ov.save_model(ov.convert_model(sys.argv[1]), sys.argv[2], compress_to_fp16=False)",
    # The console script of MNN changes the machine that it runs on: never that one.
    "mnn": "import sys; from _tools import mnnconvert; mnnconvert(['MNNConvert', '-f', 'ONNX', "
    "'--modelFile', sys.argv[1], '--MNNModel', sys.argv[2], '--bizCode', 'b'])",
}
SUFFIX = {"openvino": "bare.xml", "mnn": "bare.mnn"}


def cold(model: Path, target: str, scratch: Path, env: dict[str, str]) -> Cost:
    """Return the cost of ``modelport convert`` with an empty cache."""
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        words = [sys.executable, "-m", "modelport_api.cli", "convert", model, "--to", target]
        return timed([*words, "-o", Path(home) / "out"], {**env, "MODELPORT_HOME": home})


def served(url: str, server: int, model: Path, target: str) -> Cost:
    """Return the cost of one request to a running service, its processes included."""
    begin = time.monotonic()
    address = f"{url}/v1/convert?to={target}&wait=600&filename={model.name}"
    request = urllib.request.Request(address, data=model.read_bytes(), method="POST")
    request.add_header("Content-Type", "application/octet-stream")
    with watched(server) as peak, urllib.request.urlopen(request, timeout=900) as answer:
        answer.read()
    return Cost(time.monotonic() - begin, peak[0])


def starts(env: dict[str, str]) -> list[str]:
    """Return the lines on how fast the command line answers."""
    lines = []
    for word in ("--help", "formats"):
        argv = [sys.executable, "-m", "modelport_api.cli", word]
        costs = [timed(argv, env).seconds for _ in range(7)]
        lines.append(f"| `modelport {word}` | {statistics.median(costs):.2f} s |")
    return lines


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="2,45,500")
    parser.add_argument("--targets", default="openvino,mnn")
    asked = parser.parse_args()
    house = House.open()
    env = {**os.environ, "MODELPORT_ENVS": str(house.envs.root)}
    python = house.envs.python("base")
    rows: list[str] = []
    with tempfile.TemporaryDirectory(prefix="performance-") as folder:
        scratch = Path(folder)
        fast = starts(env)
        with service(scratch, env) as (url, server, answered):
            time.sleep(5)  # its worker starts meanwhile
            fast.append(f"| `modelport serve` to its first answer | {answered:.2f} s |")
            for size in map(int, asked.sizes.split(",")):
                layers, width = LAYERS[size]
                model = scratch / f"chain{size}.onnx"
                maker = ROOT / "benchmarks" / "large_model.py"
                words = [python, maker, model, str(layers), str(width)]
                subprocess.run([str(word) for word in words], check=True)
                for target in asked.targets.split(","):
                    bare = timed([python, "-c", BARE[target], model, scratch / SUFFIX[target]], env)
                    line = cold(model, target, scratch, env)
                    kept = served(url, server, model, target)
                    rows.append(_row(size, target, bare, line, kept))
                    print(rows[-1], flush=True)
    _write(rows, fast, house)


def _row(size: int, target: str, bare: Cost, line: Cost, kept: Cost) -> str:
    def ratio(cost: Cost) -> str:
        time_ratio = cost.seconds / bare.seconds
        return f"{time_ratio:.1f} x, {cost.memory / bare.memory:.1f} x"

    direct = f"{bare.seconds:.1f} s, {bare.memory / (1 << 20):.0f} MiB"
    return f"| {size} MB | {target} | {direct} | {ratio(line)} | {ratio(kept)} |"


def _write(rows: Sequence[str], fast: Sequence[str], house: House) -> None:
    lines = [
        "# Performance",
        "",
        "Written by `make benchmark`: what modelport costs beside the tool run directly, in one",
        "run, on the same file. Wall time and peak resident memory of the whole process tree, as",
        "ratios. modelport inspects the model, runs it some hundred times to measure its noise,",
        "plants faults, runs the result, and compares the weights; the bare tool only converts.",
        "",
        *machine(house),
        "",
        "| model | target | the tool alone | `modelport convert`, nothing cached | the service |",
        "|---" * 5 + "|",
        *rows,
        "",
        "| start | median |",
        "|---|---|",
        *fast,
        "",
        *large.section(),
    ]
    (ROOT / "docs" / "performance.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
