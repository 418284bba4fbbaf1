"""Strangers' text made safe to show: names in a model may hold anything that Unicode has."""

from __future__ import annotations

import json
import re
from typing import Any

# Categories Cc (but tab and line feed), Cf, Cs, Zl and Zp of Unicode 14, which Python 3.11 has:
# what moves a cursor, colours a line, turns a word around, or ends a line unseen.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]"
)
# ECMA-48: control sequences, and the strings that end with BEL or ST.
SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?")


def plain(text: str) -> str:
    """Return ``text`` as one line, with a question mark for what a terminal would obey."""
    return UNSEEN.sub("?", re.sub(r"[\t\n]+", " ", text))


def shown(text: str) -> str:
    """Return ``text`` with what nobody could see written out, as JSON writes it."""
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def printed(text: str) -> str:
    """Return what a tool has printed without its colours, one line each; none looks like ours."""
    lines = SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    # Where logs are joined, such a line says whose log begins.
    return re.sub(r"^==>", " ==>", UNSEEN.sub("?", lines), flags=re.MULTILINE)


def legal(value: Any) -> str:  # noqa: ANN401  # any JSON
    """Return ``value`` as JSON that may be printed: the same value, nothing in it unseen.

    Raises:
        ValueError: It holds a NaN or an infinity.
    """
    return shown(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
