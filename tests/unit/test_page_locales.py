"""English and Chinese say the same things, and the page says nothing that is not in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelport import errors
from modelport.model import Verdict
from modelport_api import problems

SOURCES = Path(__file__).resolve().parents[2] / "frontend" / "src"
LOCALES = {path.stem: json.loads(path.read_text("utf-8")) for path in SOURCES.glob("locales/*")}
VUE = sorted(SOURCES.rglob("*.vue"))
USED = re.compile(r"\b(?:t|te)\(\s*'([\w.-]+)'")
BEGUN = re.compile(r"`([a-z]+)\.(?:[\w-]+\.)?\$\{")
# Words that are the same in every language: names, units and signs.
PLAIN = re.compile(r"^(?:[\W\d_]|RMSE|SNR|SHA-256|modelport|REST|dB|English|中文)*$")
ATTRIBUTE = re.compile(r'(?<![:\w-])(?:title|aria-label|placeholder|alt|label)="([^"]+)"')


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        inner = f"{path}.{name}" if path else name
        yield from leaves(value, inner) if isinstance(value, dict) else [(inner, value)]


FLAT = {language: dict(leaves(tree)) for language, tree in LOCALES.items()}


def texts(source: str) -> Iterator[str]:
    """Yield what the template shows without asking for a message."""
    template = source.partition("<template>")[2].rpartition("</template>")[0]
    yield from ATTRIBUTE.findall(template)
    # Attribute values may hold ">" (arrow functions), so they go first.
    bare = re.sub(r'"[^"]*"', '""', re.sub(r"\{\{.*?\}\}", "", template, flags=re.DOTALL))
    yield from re.findall(r">([^<>]+)<", re.sub(r"<!--.*?-->", "", bare, flags=re.DOTALL))


def test_both_languages_have_the_same_keys() -> None:
    assert FLAT["en"].keys() == FLAT["zh"].keys()


def test_every_message_fills_the_same_gaps() -> None:
    def gaps(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    en, zh = FLAT["en"], FLAT["zh"]
    assert [key for key in en if gaps(en[key]) != gaps(zh[key])] == []


def test_no_message_was_left_untranslated() -> None:
    same = [key for key, text in FLAT["en"].items() if text == FLAT["zh"][key]]
    assert same == ["outputs.top1"]


@pytest.mark.parametrize("path", VUE, ids=lambda path: path.stem)
def test_every_message_that_is_asked_for_is_there(path: Path) -> None:
    source = path.read_text("utf-8")
    missing = [key for key in USED.findall(source) if key not in FLAT["en"]]
    missing += [head for head in BEGUN.findall(source) if head not in LOCALES["en"]]
    assert missing == []


@pytest.mark.parametrize("path", VUE, ids=lambda path: path.stem)
def test_no_text_is_written_into_a_template(path: Path) -> None:
    hard = [text.strip() for text in texts(path.read_text("utf-8")) if not PLAIN.match(text)]
    allowed = {"1, 3, 224, 224", "true", "false"}
    assert [text for text in hard if text not in allowed] == []


def test_every_error_has_a_title() -> None:
    own = {cls.code for cls in vars(problems).values() if isinstance(cls, type)
           and issubclass(cls, errors.ModelportError) and "code" in vars(cls)}  # fmt: skip
    codes = set(errors.BY_CODE) | own
    assert {code for code in codes if f"error.{code}.title" not in FLAT["en"]} == {"error"}


def test_every_verdict_has_its_words() -> None:
    assert set(LOCALES["en"]["verdict"]) >= {verdict.value for verdict in Verdict}
