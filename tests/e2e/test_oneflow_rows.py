"""OneFlow folders, whole and damaged, through the whole flow: the verdict or the error's code."""

from __future__ import annotations

import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.corpus.oneflow import faults

from modelport.engine import House, Request, convert
from modelport.errors import ModelportError

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "oneflow"
ROWS = tomllib.loads((CORPUS / "rows.toml").read_text("utf-8"))["row"]


def parameter(row: dict[str, Any]) -> Any:
    """Return the row with what it needs; a fault is part of its name."""
    marks = [pytest.mark.env(row["env"])] if "env" in row else []
    marks += [pytest.mark.slow] if row.get("slow") else []
    name = "-".join(filter(None, (row["source"], row.get("fault", ""), row["target"])))
    return pytest.param(row, id=name.replace(" ", "_"), marks=marks)


def upload(row: dict[str, Any], folder: Path) -> Path:
    """Return the folder of the row's source, with the fault in it."""
    kind, _, name = row["source"].partition(":")
    fault = row.get("fault", "none")
    if kind == "oneflow-state":
        faults.STATES[fault](folder / "state")
        return folder / "state"
    with tarfile.open(CORPUS / "operators.tar.xz") as archive:
        wanted = [one for one in archive.getmembers() if one.name.startswith(f"{name}/graph/")]
        archive.extractall(folder, wanted, filter="data")
    faults.GRAPHS[fault](folder / name / "graph")
    return folder / name / "graph"


@pytest.mark.env("base")
@pytest.mark.parametrize("row", map(parameter, ROWS))
def test_row(row: dict[str, Any], tmp_path: Path, house: House) -> None:
    request = Request((upload(row, tmp_path),), row["target"])
    try:
        done = convert(request, tmp_path / "work", house)
        answer, said = {"verdict": done.verdict.value}, done.report["reason"]
    except ModelportError as exc:
        answer, said = {"error": exc.code, "operators": sorted(exc.operators)}, str(exc)
    assert answer == row["expect"], said
    assert re.search(row.get("says", ""), said), said
