"""The report as a page: one file, opens offline, nothing in it runs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from modelport.report import words
from modelport.report.chart import along, of_output
from modelport.report.snippets import snippet
from modelport.text import legal, shown

TEMPLATES = Path(__file__).with_name("templates")


@functools.cache
def _environment() -> jinja2.Environment:
    # Names in a report are a stranger's text: everything is escaped, and a field that an
    # older report lacks reads as empty instead of ending the page.
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        size=words.size,
        duration=words.duration,
        number=words.number,
        shape=words.shape,
        count=words.count,
        named=words.named,
        fault=words.fault,
        version=words.version,
    )
    return made


def _seen(value: object) -> object:
    # Only a stranger's text is a plain str here: markup of the page's own is a subclass.
    return shown(value) if type(value) is str else value


def write_json(report: Mapping[str, Any], path: Path) -> None:
    """Write report.json to ``path``."""
    path.write_text(legal(report), "utf-8")


def html(report: Mapping[str, Any]) -> str:
    """Return the page that tells what report.json holds."""
    title, meaning = words.VERDICTS.get(report.get("verdict") or "", words.VERDICTS["unverified"])
    verification = report.get("verification") or {}
    details = verification.get("details") or {}
    charts = {
        row["output"]: chart
        for row in verification.get("comparisons") or ()
        if (chart := of_output(details, row.get("output", "")))
    }
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            verdict=report.get("verdict") or "failed",
            title=title,
            meaning=meaning,
            verification=verification,
            details=details,
            charts=charts,
            layers=along((report.get("diagnosis") or {}).get("layers") or ()),
            snippet=snippet(report),
        )
    )


def write_html(report: Mapping[str, Any], path: Path) -> None:
    """Write the page to ``path``, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(html(report), "utf-8")
    part.replace(path)
