"""Serves the built page at ``/``; every address that is no file is the page's own."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response

import modelport_frontend
from modelport_api.auth.guard import PAGE_POLICY
from modelport_api.problems import NotFound

DIST = Path(modelport_frontend.__file__).parent / "dist"
MISSING = """modelport is running, but its page is not built.
Build it with: make page
The API is at /v1, described by /openapi.json.
"""
# Vite puts a hash of the contents into these names.
FOREVER = "public, max-age=31536000, immutable"
MAY = {"Content-Security-Policy": PAGE_POLICY}
API = ("v1/", "healthz", "readyz", "metrics", "openapi.json")


def install(app: FastAPI, dist: Path = DIST) -> None:
    """Add the page to ``app``, after all other routes."""
    root = dist.resolve()

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> Response:
        if path.startswith(API) or path == "v1":
            raise NotFound(f"nothing is at /{path[:200]}")
        file = _found(root, path)
        if file is not None:
            kept = FOREVER if path.startswith("assets/") else "no-cache"
            return FileResponse(file, headers={"Cache-Control": kept, **MAY})
        index = root / "index.html"
        if path.startswith("assets/"):
            raise NotFound(f"nothing is at /{path[:200]}")
        if not index.is_file():
            return PlainTextResponse(MISSING)
        return FileResponse(index, headers={"Cache-Control": "no-cache", **MAY})


def _found(root: Path, path: str) -> Path | None:
    """Return the file that ``path`` names under ``root``; None where there is none."""
    try:
        file = (root / path).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return None
