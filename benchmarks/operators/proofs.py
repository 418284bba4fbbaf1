"""Keeps what the operator table proves: a set of cases a target and outcome."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import proof
from benchmarks.proof import Proof
from modelport.engine import House

BENCH = "operators"
MODEL = "node cases of the package onnx"


def keep(records: Path, house: House) -> None:
    """Write benchmarks/proofs/operators.json from the records of the flow, if there are any.

    The day is that of the newest record of the set. Faults of ours prove nothing of a model,
    but they are no reason to be silent either: they stand under their code.
    """
    pins = dict(pin.split("==") for pin in house.registry.environments["base"].requires)
    counts: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], float] = {}
    for path in records.glob("*/*.json"):
        told = json.loads(path.read_text("utf-8"))
        key = (told["target"], told["outcome"])
        counts[key] += 1
        newest[key] = max(newest.get(key, 0.0), path.stat().st_mtime)
    proofs = [
        Proof(
            source="onnx",
            target=target,
            model=MODEL,
            outcome=outcome,
            bench=BENCH,
            date=datetime.fromtimestamp(newest[target, outcome], UTC).date().isoformat(),
            versions={"onnx": pins["onnx"]},
            cases=count,
        )
        for (target, outcome), count in counts.items()
    ]
    if proofs:
        proof.replace(proofs, proof.FOLDER / f"{BENCH}.json")
