"""The room that tells people what came out: a page, a line for the terminal, code to load it."""

from __future__ import annotations

from modelport.report.page import write_html, write_json
from modelport.report.snippets import snippet
from modelport.report.words import fault, sentence, version

__all__ = ["fault", "sentence", "snippet", "version", "write_html", "write_json"]
