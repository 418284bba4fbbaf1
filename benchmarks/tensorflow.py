"""Public models from TensorFlow Lite and Keras, and to TensorFlow Lite.

``python -m benchmarks.tensorflow FOLDER [PART...]``.

The files of tensorflow.toml become ONNX, and the ONNX models of the scoreboard TFLite. FOLDER
keeps what is fetched; PARTs choose models by their ids. What is proved is kept in
benchmarks/proofs/tensorflow.json, model by model, so that a broken run goes on where it was.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import corpus, models, proof
from modelport import engine
from modelport.engine import House

BENCH = "tensorflow"
FILE = proof.FOLDER / "tensorflow.json"
LIST = Path(__file__).with_name("tensorflow.toml")
SECONDS = 600.0  # of one step


def jobs(folder: Path, house: House, parts: Sequence[str]) -> Iterator[tuple[str, engine.Request]]:
    """Yield id and request of each model whose id holds one of ``parts``."""
    listed = [corpus.Entry(**one) for one in tomllib.loads(LIST.read_text("utf-8"))["model"]]
    chosen = [entry for entry in listed if any(part in entry.id for part in parts)]
    corpus.fetch(folder / "corpus", chosen)
    for entry in chosen:
        path = entry.path(folder / "corpus")
        yield entry.id, engine.Request((path,), "onnx", shapes=_shapes(entry.shapes))
    for row in models.rows(folder, house, parts):
        if row.file.suffix == ".onnx":
            shapes = {} if row.inputs else _shapes(row.shapes)
            yield row.id, engine.Request((row.file,), "tflite", shapes=shapes, inputs=row.inputs)


def _shapes(listed: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(sizes) for name, sizes in listed.items()}


def main(argv: list[str]) -> None:
    """Convert what is asked for, a line a model."""
    opened = House.open()
    limits = replace(opened.limits, seconds=SECONDS)
    house = replace(opened, limits=limits, budget=SECONDS)
    for name, request in jobs(Path(argv[0]).resolve(), house, argv[1:] or [""]):
        source = request.files[0].suffix.removeprefix(".")  # each format here is called by it
        found = proof.of_request(request, source, name, BENCH, house)
        proof.keep([found], FILE)
        error = "" if found.error is None else f"{found.error:.1e}"
        print(f"{name:28} {found.target:8} {found.outcome:20} {error} {found.reason}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
