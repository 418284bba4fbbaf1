"""The report as a page, as one line and as code: complete, escaped, tolerant of gaps."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser

import pytest

from modelport.report import sentence, snippet, write_html
from modelport.report.chart import histogram
from modelport.report.page import html
from modelport.report.words import VERDICTS, duration, number, shape, size

EVIL = '"><script>alert(1)</script>{{7*7}}'


def tensor(name: str) -> dict:
    return {"name": name, "dtype": "float32", "shape": [1, 3, "N", None]}


def comparison(output: str) -> dict:
    return {
        "output": output, "max_abs": 2e-7, "max_rel": 1e-7, "rmse": 3e-8, "cosine": 0.99999999,
        "snr": None, "top1": 1.0, "excess": 2.125, "limit": 10.0, "scale": 2.0, "case": "normal-1",
        "passed": True, "reason": "",
    }  # fmt: skip


def report(name: str = "net", verdict: str | None = "verified") -> dict:
    description = {
        "format": "onnx", "inputs": [tensor(name)], "outputs": [tensor(name)],
        "operators": {name: 3}, "parameters": {"float32": 1234567}, "opsets": {"ai.onnx": 17},
        "producer": name, "nodes": 3, "metadata": {}, "details": {},
    }  # fmt: skip
    step = {
        "converter": "onnx-to-mnn", "options": {"fp16": False}, "seconds": 1.5, "notes": [name],
        "peak_memory": 50_000_000, "versions": {"MNN": "3.6.1"}, "log": "01.txt",
    }  # fmt: skip
    lost = {
        "code": "unsupported-operator", "title": "Unsupported operator", "detail": f"{name} is odd",
        "hint": f"Replace {name}.", "step": "", "operators": {name: 2}, "retry": False,
    }  # fmt: skip
    row = {
        "source": tensor(name),
        "target": tensor(name),
        "axes": [],
        "constant": None,
        "shape": None,
    }
    verification = {
        "verdict": verdict, "reason": name, "comparisons": [comparison(name)],
        "stress": [comparison(name)], "cautions": [name],
        "details": {"outputs": {name: {"histogram": {"edges": [0, 1, 2], "counts": [3, 1]}}}},
    }  # fmt: skip
    return {
        "version": 1, "modelport": "0.1.0", "seconds": 12.3, "verdict": verdict,
        "reason": f"every output of {name} stays within 10 times the model's own noise",
        "source": {
            "name": f"{name}.onnx", "format": "onnx", "title": "ONNX", "size": 4_900_000,
            "sha256": "ab" * 32, "files": [{"name": f"{name}.onnx", "size": 4_900_000}],
            "description": description,
        },
        "target": {"format": "mnn", "variant": "", "title": "MNN", "options": {}},
        "restrictions": [f"input {name} takes the shape 1x3x8x8 only"],
        "result": {
            "format": "mnn", "main": f"{name}.mnn", "size": 4_800_000, "precision": "float32",
            "files": [{"name": f"{name}.mnn", "size": 4_800_000, "sha256": "cd" * 32}],
        },
        "io": {"inputs": [row], "outputs": [row]},
        "verification": verification,
        "attempts": [
            {"route": ["a", "b"], "chosen": False, "error": lost},
            {"route": [name], "chosen": True, "steps": [step], "verification": verification},
        ],
        "diagnosis": {
            "found": "layer", "step": name, "nodes": 1, "last": None, "remark": name,
            "first": {"node": 2, "operator": name, "title": name, "tensor": name},
            "layers": [
                {"node": 2, "operator": name, "title": name, "tensor": name, "excess": None,
                 "limit": 10.0, "max_rel": 0.1, "passed": False},
            ],
        },
        "sandbox": {"layers": {"landlock": 7, "seccomp": True}, "degraded": [name]},
    }  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.add(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"}]


def test_a_stranger_s_text_is_never_markup() -> None:
    tags = Tags()
    page = html(report(EVIL))
    tags.feed(page)
    assert ("script" in tags.seen, "{{7*7}}" in page, ">49<" in page) == (False, True, False)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    tags = Tags()
    page = html(report())
    tags.feed(page)
    assert (tags.links, re.findall(r"url\(|@import|https?://", page)) == ([], [])


@pytest.mark.parametrize("verdict", [*filter(None, VERDICTS), None])
def test_the_verdict_comes_first_in_words(verdict) -> None:
    title = VERDICTS[verdict or ""][0]
    page = html(report(verdict=verdict))
    assert page.index(f"<h1>{title}</h1>") < page.index("every output of net")


@pytest.mark.parametrize(
    "says",
    ["2.12", "stays within 10 times", "takes the shape 1x3x8x8 only", "net is odd", "Replace net.",
     "MNN 3.6.1", "1.50 s", "47.7 MiB", "landlock: 7", "<svg", "cd" * 32, "1,234,567 float32"],
)  # fmt: skip
def test_the_page_tells(says) -> None:
    assert says in html(report())


def fields(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from fields(value[key], (*path, key))


def without(value: dict, path: tuple[str, ...]) -> dict:
    first, *rest = path
    if not rest:
        return {key: item for key, item in value.items() if key != first}
    return {**value, first: without(value[first], tuple(rest))}


@pytest.mark.parametrize("path", [path for path in fields(report()) if path], ids="-".join)
def test_a_gap_does_not_end_the_page(path) -> None:
    assert html(without(report(), path)).endswith("</html>")


def test_a_failed_conversion_has_a_page() -> None:
    failed = {**report(verdict=None), "result": None, "verification": None, "io": {}}
    assert "Unsupported operator: net is odd (net × 2)" in html(failed)  # noqa: RUF001


def test_the_page_is_written_whole(tmp_path) -> None:
    write_html(report("模型"), tmp_path / "report.html")
    assert (
        [p.name for p in tmp_path.iterdir()],
        "模型.onnx" in (tmp_path / "report.html").read_text("utf-8"),
    ) == (["report.html"], True)


def test_the_sentence_names_both_ends_and_the_verdict() -> None:
    assert sentence(report()) == (
        "net.onnx (ONNX) to MNN: verified, every output of net stays within 10 times the model's "
        "own noise; 4.6 MiB, 12.3 s"
    )


@pytest.mark.parametrize("name", ["net", EVIL, "a'b", "x\\", '"""', "模型"])
@pytest.mark.parametrize("format", ["onnx", "ort", "torchscript", "pt2", "ncnn", "mnn", "openvino"])
def test_the_snippet_is_python_that_calls_only_what_it_imports(format, name) -> None:
    told = report(name)
    told["result"] = {**told["result"], "format": format}
    tree = ast.parse(snippet(told))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names <= {"np", "onnxruntime", "session", "outputs", "torch", "module", "ncnn", "net",
                     "extractor", "MNN", "one", "openvino", "model"}  # fmt: skip


def test_there_is_no_snippet_without_a_result() -> None:
    assert snippet({**report(), "result": None}) == ""


@pytest.mark.parametrize(
    "found",
    [None, {}, {"edges": [0], "counts": [1]}, {"edges": "ab", "counts": [1]},
     {"edges": [0, 1], "counts": [None]}, {"edges": [0, 1], "counts": [-1]}],
)  # fmt: skip
def test_what_is_no_histogram_is_left_out(found) -> None:
    assert histogram(found) is None


def test_the_tallest_bar_fills_the_picture() -> None:
    bars = histogram({"edges": [0, 1, 2], "counts": [3, 1]})["bars"]
    assert (bars[0]["height"], bars[0]["y"], bars[1]["height"]) == (64, 0, 21.33)


@pytest.mark.parametrize(
    ("made", "want"),
    [
        (size(0), "0 bytes"), (size(1536), "1.5 KiB"), (size(2**40), "1.0 TiB"), (size(None), "—"),
        (duration(0.4), "0.40 s"), (duration(61), "1 min 01 s"), (duration(None), "—"),
        (number(0.0), "0"), (number(1e-7), "1e-07"), (number(None), "—"), (shape(None), "any"),
        (shape([1, "N", None]), "[1, N, ?]"),
    ],
)  # fmt: skip
def test_words(made, want) -> None:
    assert made == want
