"""Every case: our own mutations, polyglots, and the hostile files that only the makers have."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from mutations import archives, graphs, networks, pickles, weights
from mutations.case import Case, Files, one

ROOT = Path(__file__).resolve().parents[3]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PDF = b"%PDF-1.7\n" + bytes(200)


def shared() -> Path | None:
    """Return the folder of hostile files; None where it is not on this machine."""
    given = os.environ.get("MODELPORT_HOSTILE")
    near = (ROOT.parent / "shared" / "hostile", ROOT.parent.parent / "shared" / "hostile")
    for folder in [Path(given)] if given else near:
        if (folder / "manifest.json").is_file():
            return folder
    return None


def _read(paths: list[Path]) -> Callable[[Mapping[str, Files]], Files]:
    return lambda _: {path.name: path.read_bytes() for path in paths}


def collected() -> list[Case]:
    """Return the cases of the folder of hostile files; none where it is missing."""
    folder = shared()
    if folder is None:
        return []
    rows = json.loads((folder / "manifest.json").read_text("utf-8"))
    return [
        Case(
            f"shared-{row['id']}",
            row["format"],
            _read([folder / "cases" / name for name in row["files"]]),
            "any",
            to="openvino" if row["format"] in {"onnx", "any"} else "onnx",
        )
        for row in rows
    ]


def _behind(format: str, tail: bytes) -> Callable[[Mapping[str, Files]], Files]:
    """Return a builder that puts something behind a sound model."""

    def build(sound: Mapping[str, Files]) -> Files:
        ((name, data),) = sound[format].items()
        return {name: data + tail}

    return build


ZIP = archives.zipped(("m.onnx", b"\x08\x08" + archives.NOISE), ("m/data.pkl", pickles.evil()))
TAR = archives.taped(("d", b"2", b"", "/tmp/modelport-canary"), archives.FILE)
POLYGLOTS = [
    Case("polyglot-script-zip", "polyglot", _behind("torchscript", ZIP), "intake", "zip", "unknown-format"),
    Case("polyglot-program-zip", "polyglot", _behind("pt2", ZIP), "intake", "zip", "unknown-format"),
    Case("polyglot-mnn-zip", "polyglot", _behind("mnn", ZIP), "any"),
    Case("polyglot-ort-zip", "polyglot", _behind("ort", ZIP), "any"),
    Case("polyglot-png-zip", "polyglot", one("m.onnx", PNG + ZIP), "intake", "PNG", "unknown-format"),
    Case("polyglot-pdf-zip", "polyglot", one("m.pt", PDF + ZIP), "intake", "PDF", "unknown-format"),
    Case("polyglot-zip-tar", "polyglot", one("m.zip", ZIP + TAR), "guard", "system",
         "unsafe-model"),
    Case("polyglot-pickle-zip", "polyglot", one("m.pt", pickles.evil() + ZIP), "guard", "system",
         "unsafe-model"),
    Case("polyglot-xml-zip", "polyglot", one("m.xml", b'<net version="11"><layers/></net>' + ZIP),
         "any"),
    Case("polyglot-gzip-pickle", "polyglot",
         one("m.pth.gz", archives.gzip.compress(pickles.evil())), "guard", "system", "unsafe-model"),
]  # fmt: skip
OWN = [
    *archives.CASES,
    *networks.CASES,
    *pickles.CASES,
    *graphs.CASES,
    *weights.CASES,
    *POLYGLOTS,
]
TABLE = [*collected(), *OWN]
