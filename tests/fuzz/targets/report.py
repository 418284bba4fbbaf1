"""The report's page with names that a stranger chose: they stay text, and the code snippet runs.

The data is split at zero bytes into the names; the page must have the tags that it has
with harmless ones.
"""

from __future__ import annotations

import ast
import functools
from html.parser import HTMLParser
from typing import Any

from modelport.report import sentence
from modelport.report.page import html
from modelport.report.snippets import WRITERS, snippet

FIELDS = 12


class Tags(HTMLParser):
    """Lists the tags of a page with their attributes' names."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an opening tag."""
        self.seen.append((tag, *(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        """Note a comment, of which the template has none."""
        self.seen.append(data)


def told(names: list[str], format: str) -> dict[str, Any]:
    """Return a report in which ``names`` stand wherever a stranger's text may."""
    main, title, producer, operator, one, other, reason, note, hint, option, kind, file = names
    port = {"name": one, "dtype": kind, "shape": [1, 3, None, other]}
    row = {"output": other, "reason": reason, "case": one, "passed": False, "cosine": 0.5}
    error = {"title": title, "detail": reason, "hint": hint, "operators": {operator: 2}}
    about = {"producer": producer, "operators": {operator: 1, one + "1": 2}, "opsets": {one: 1}}
    step = {
        "converter": title,
        "options": {option: other},
        "versions": {one: other},
        "notes": [note],
    }
    return {
        "verdict": "different",
        "reason": reason,
        "source": {"name": main, "format": kind, "title": title, "size": 5, "description": about},
        "target": {"format": format, "variant": "", "title": format, "options": {option: other}},
        "result": {"format": format, "main": file, "size": 7, "files": [{"name": file, "size": 7}]},
        "restrictions": [reason],
        "io": {"inputs": [{"source": port, "target": port, "constant": other}],
               "outputs": [{"source": port, "target": port}]},
        "verification": {"comparisons": [row], "stress": [row], "cautions": [note], "details": {}},
        "attempts": [{"route": [title], "error": error, "steps": [step]}],
        "sandbox": {"layers": {one: other}, "degraded": [note]},
    }  # fmt: skip


def tags(page: str) -> list[object]:
    """Return the tags of ``page``."""
    parser = Tags()
    parser.feed(page)
    parser.close()
    return parser.seen


@functools.cache
def wanted(format: str) -> tuple[list[object], list[str]]:
    """Return the page's tags and the snippet's nodes with harmless names."""
    harmless = told([f"n{at}" for at in range(FIELDS)], format)
    return tags(html(harmless)), nodes(snippet(harmless))


def nodes(code: str) -> list[str]:
    """Return the kinds of nodes that ``code`` has."""
    return sorted(type(node).__name__ for node in ast.walk(ast.parse(code)))


def target(data: bytes) -> None:
    """Write the page and the snippet; compare tags and nodes with the harmless ones."""
    texts = [piece.decode("utf-8", "replace") for piece in data.split(b"\0")]
    names = [(texts[at % len(texts)] or "n") + " " * (at == 4) for at in range(FIELDS)]
    format = sorted(WRITERS)[len(data) % len(WRITERS)]
    report = told(names, format)
    assert (tags(html(report)), nodes(snippet(report))) == wanted(format)
    assert isinstance(sentence(report), str)
