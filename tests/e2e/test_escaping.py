"""Strangers' text at every door: names in a model are shown, and never obeyed."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from modelport.text import UNSEEN

TEXTS = {
    "html": '"><script>alert(1)</script><img src=x onerror=alert(1)>',
    "template": "{{7*7}}${7*7}",
    "formula": '=cmd|"/c calc"!A1',
    "colours": "\x1b[31;5mRED\x1b[0m",
    "title": "\x1b]0;PWNED\x07",
    "c1": "c\x9b2J",
    "right-to-left": "\u202egnp.exe",
    "isolate": "\u2066i",
    "line": "x\nFORGED: verified",
    "return": "x\rFORGED: verified",
    "separator": "x\u2028FORGED: verified",
    "markup": "[blink]m[/blink] [/] [link=file:///etc]",
    "tags": "t\U000e0041",
}
FILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e\r\nSet-Cookie: a=b\n=cmd()\"';[blink]é.onnx"
MODEL = """
import json, sys, onnx
from onnx import TensorProto, helper
texts = json.loads(sys.argv[1])
port = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
kind = sys.argv[3]
nodes = [helper.make_node(kind if kind != "custom" else text, [text], ["y" + text], name=text,
                          domain="" if kind != "custom" else "stranger" + text) for text in texts]
ports = [port(text) for text in texts], [port("y" + text) for text in texts]
opsets = [helper.make_opsetid("", 17)]
opsets += [helper.make_opsetid("stranger" + text, 1) for text in texts if kind == "custom"]
graph = helper.make_graph(nodes, texts[0], *ports, doc_string=" ".join(texts))
# A model whose producer is not ASCII is not recognised at all.
producer = " ".join(text for text in texts if text.isascii() and text.isprintable())
model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name=producer)
helper.set_model_props(model, {text: text for text in texts})
open(sys.argv[2], "wb").write(model.SerializeToString())
"""
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2"),
    *("h3", "p", "dl", "div", "dt", "dd", "ul", "li", "table", "tr", "th", "td", "span", "code"),
    *("pre", "details", "summary", "svg", "rect", "br"),
}

pytestmark = pytest.mark.env("base")


@pytest.fixture(scope="module")
def models(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    texts = json.dumps(list(TEXTS.values()))
    for name, kind in (("net.onnx", "Relu"), ("custom.onnx", "custom")):
        subprocess.run([base_python, "-c", MODEL, texts, folder / name, kind], check=True)
    return folder


@pytest.fixture(scope="module")
def answers(
    serve: Any, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What each door of the service said of the hostile models."""
    with serve(tmp_path_factory.mktemp("escaping") / "home") as found:
        found.ready()
        ask = found.client.request
        query = {"to": "onnx.infer-shapes", "filename": FILE, "accept": "unverified,different"}
        body = (models / "net.onnx").read_bytes()
        told = {"bundle": ask("POST", "/v1/convert", params=query, content=body)}
        assert told["bundle"].status_code == 200, told["bundle"].text
        here = f"/v1/conversions/{told['bundle'].headers['modelport-conversion']}"
        told["conversion"] = ask("GET", here)
        artifact = told["conversion"].json()["artifacts"][0]["name"]
        told["model"] = ask("GET", f"/v1/models/{told['conversion'].json()['model']}")
        told["artifact"] = ask("GET", f"{here}/artifacts/{artifact}")
        for name in ("report", "report.html", "events"):
            told[name] = ask("GET", f"{here}/{name}")
        body = (models / "custom.onnx").read_bytes()
        told["refusal"] = ask("POST", "/v1/convert", params={**query, "to": "mnn"}, content=body)
        # MNN prints the names of operators that it does not know.
        refused = told["refusal"].headers["modelport-conversion"]
        told["log"] = ask("GET", f"/v1/conversions/{refused}/log")
        for text in TEXTS.values():
            ask("GET", f"/v1/models/{''.join(f'%{byte:02x}' for byte in text.encode())}")
        yield {**told, "service's log": found.log.read_text("utf-8")}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}


def unseen(text: str) -> list[str]:
    return UNSEEN.findall(text)


def forged(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith("FORGED")]


def test_the_report_holds_no_markup_and_nothing_unseen(answers: dict[str, Any]) -> None:
    text, tags = answers["report.html"].text, Tags()
    tags.feed(text)
    assert tags.seen <= TAGS
    assert [
        name for name in tags.attributes if name.startswith("on") or name in {"src", "href"}
    ] == []
    assert (unseen(text), ">49<" in text, "{{7*7}}" in text) == ([], False, True)


@pytest.mark.parametrize("door", ["report", "bundle"])
def test_the_report_as_json_is_true_and_can_be_printed(answers: dict[str, Any], door: str) -> None:
    text = answers[door].text if door == "report" else packed(answers).read("report.json").decode()
    names = [row["source"]["name"] for row in json.loads(text)["io"]["inputs"]]
    assert (names, unseen(text)) == (list(TEXTS.values()), [])


def packed(answers: dict[str, Any]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(answers["bundle"].content))


def test_the_service_s_log_cannot_be_forged(answers: dict[str, Any]) -> None:
    text = answers["service's log"]
    assert text
    assert (unseen(text), forged(text)) == ([], [])


def test_a_tool_s_log_obeys_nothing_and_heads_nothing(answers: dict[str, Any]) -> None:
    """Its lines are the tool's, names with line ends in them included; no heading is among them."""
    text = answers["log"].text
    heads = [line for line in text.split("\n") if line.startswith("==>")]
    assert "ONNX::" in text
    assert (unseen(text), [head for head in heads if not head.endswith("<==")]) == ([], [])


@pytest.mark.parametrize("door", ["model", "conversion", "refusal", "report", "events"])
def test_answers_are_data_and_no_page(answers: dict[str, Any], door: str) -> None:
    headers = answers[door].headers
    assert "html" not in headers["content-type"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox; default-src 'none'" in headers["content-security-policy"]


def test_a_refusal_names_the_operators_as_they_are(answers: dict[str, Any]) -> None:
    problem = answers["refusal"].json()
    assert answers["refusal"].status_code in {400, 422}
    assert problem["code"] in {"custom-op", "corrupt-model", "unsupported-operator"}


@pytest.mark.parametrize("door", ["bundle", "artifact"])
def test_a_download_is_one_with_a_name_and_no_further_header(
    answers: dict[str, Any], door: str
) -> None:
    headers = answers[door].headers
    found = re.fullmatch(
        r"attachment; filename=\"([ !#-$&-\[\]-~]*)\"; filename\*=UTF-8''([\w.~%-]+)",
        headers["content-disposition"],
    )
    assert found
    name = unquote(found[2])
    assert "set-cookie" not in headers
    assert (unseen(name), "/" in name, "\n" in name, "é" in name) == ([], False, False, True)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_the_names_in_the_bundle_are_plain(answers: dict[str, Any]) -> None:
    names = packed(answers).namelist()
    assert [name for name in names if unseen(name) or "\\" in name or ".." in name] == []
    assert forged("\n".join(names)) == []


def modelport(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "modelport_api.cli", *map(str, words)]
    return subprocess.run(argv, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        pytest.param(["inspect", "net.onnx"], 0, id="table"),
        pytest.param(["inspect", "net.onnx", "--json"], 0, id="json"),
        pytest.param(["convert", "custom.onnx", "--to", "mnn", "-o", "out"], 1, id="refusal"),
        pytest.param(["convert", "net.onnx", "--to", "\x1b[31mx\nFORGED"], 1, id="no-target"),
        pytest.param(["inspect", "\x1b[31mx\nFORGED"], 2, id="no-file"),
    ],
)
def test_the_command_line_prints_nothing_that_a_terminal_obeys(
    models: Path, words: list[str], status: int
) -> None:
    here = [models / word if word.endswith((".onnx", "out")) else word for word in words]
    done = modelport(*here)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == status, text
    assert (unseen(text), forged(text)) == ([], [])


def test_the_live_line_on_a_terminal_obeys_ours_only(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "[blink]\x1b]0;PWNED\x07\x1b[31m.onnx"
    source.write_bytes((models / "net.onnx").read_bytes())
    argv = ["convert", str(source), "--to", "onnx.infer-shapes", "-o", str(tmp_path / "out")]
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "modelport_api.cli", *argv]
    process = subprocess.Popen(command, stdout=slave, stderr=slave, stdin=slave, close_fds=True)
    os.close(slave)
    output = b""
    try:
        while piece := os.read(master, 65536):
            output += piece
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait() == 0, output
    text = output.decode("utf-8", "replace")
    assert "\x1b[" in text, "there was no live line"
    assert "\x1b]0;" not in text
    assert not re.search(r"\x1b\[(?:\d+;)*5(?:;\d+)*m", text), "markup was obeyed"
    assert "[blink]" in text


def test_what_counts_as_unseen_is_what_unicode_says() -> None:
    import unicodedata  # the version of this interpreter

    wanted = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    every = (chr(code) for code in range(sys.maxunicode + 1) if code not in (9, 10))
    missed = [
        hex(ord(c)) for c in every if unicodedata.category(c) in wanted and not UNSEEN.match(c)
    ]
    assert missed == []
