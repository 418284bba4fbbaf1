"""The command line without an environment: help, lists, bad usage, uploads that are no model."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from modelport.errors import BY_CODE, ModelportError
from modelport.text import plain
from modelport_api import problems
from modelport_api.cli import amount, destination
from modelport_api.cli.failure import STATUS, exit_status, verdict_status

FRAMEWORKS = {"onnx", "onnxruntime", "torch", "ncnn", "MNN", "openvino", "numpy"}
SERVICE = {"fastapi", "dbos", "sqlalchemy", "pydantic", "uvicorn"}


def modelport(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "modelport_api.cli", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "TMPDIR": str(cwd / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def left(place: Path) -> set[str]:
    return {p.relative_to(place).as_posix() for p in place.rglob("*")} - {"tmp"}


@pytest.mark.parametrize("words", [["--help"], ["convert", "--help"], ["formats"], ["--version"]])
def test_what_answers_at_once_imports_no_framework_and_no_server(words, place) -> None:
    code = (
        "import sys; from modelport_api.cli import main\n"
        f"sys.argv = ['modelport', *{words!r}]\n"
        "try: main()\n"
        "finally: print('\\n' + repr({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=place, check=True
    )
    loaded = ast.literal_eval(done.stdout.splitlines()[-1])
    assert loaded & (FRAMEWORKS | SERVICE) == set()


@pytest.mark.parametrize("command", [[], ["convert"], ["inspect"], ["serve"], ["routes"]])
def test_help_teaches_by_example(command, place) -> None:
    done = modelport(*command, "--help", cwd=place)
    assert (done.returncode, "Example" in done.stdout) == (0, True)


def test_formats_as_json_is_json_alone(place) -> None:
    done = modelport("formats", "--json", cwd=place)
    found = {row["id"]: row for row in json.loads(done.stdout)["formats"]}
    assert (found["onnx"]["read"], found["onnx"]["main"]) == (True, "*.onnx")


def test_routes_are_listed_best_first(place) -> None:
    done = modelport("routes", "--from", "onnx", "--to", "ncnn", "--json", cwd=place)
    costs = [row["cost"] for row in json.loads(done.stdout)["routes"]]
    assert costs == sorted(costs) != []


def test_no_route_is_refused_and_says_what_can_be_reached(place) -> None:
    done = modelport("routes", "--from", "onnx", "--to", "cheese", cwd=place)
    assert (done.returncode, "(no-route)" in done.stderr, "ncnn" in done.stderr) == (1, True, True)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["convert"], id="no-file"),
        pytest.param(["convert", "missing.onnx", "--to", "ncnn"], id="no-such-file"),
        pytest.param(["convert", "m.onnx"], id="no-target"),
        pytest.param(["convert", "m.onnx", "--to", "ncnn", "--set", "fp16"], id="set"),
        pytest.param(["convert", "m.onnx", "--to", "ncnn", "--shape", "x=1,a"], id="shape"),
        pytest.param(["convert", "m.onnx", "--to", "ncnn", "--memory", "lots"], id="memory"),
        pytest.param(["convert", "m.onnx", "--to", "ncnn", "-o", "."], id="foreign-folder"),
        pytest.param(["convert", "m.onnx", "--to", "ncnn", "-o", "m.onnx"], id="a-file"),
        pytest.param(["env", "build", "cheese"], id="no-such-environment"),
        pytest.param(["cheese"], id="no-such-command"),
    ],
)
def test_bad_usage_ends_with_2_and_leaves_nothing(words, place) -> None:
    (place / "m.onnx").write_bytes(b"")
    done = modelport(*words, cwd=place)
    assert (done.returncode, done.stdout, left(place)) == (2, "", {"m.onnx"})


def pictures() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(3):
            archive.writestr(f"holiday/IMG_{index}.JPG", b"\xff\xd8\xff\xe0" + bytes(100))
    return buffer.getvalue()


# The shortest ModelProto that detection takes: ir_version 8, opset_import 13, a graph.
MODEL = b"\x08\x08\x3a\x05\x0a\x03\x22\x01R\x42\x02\x10\x0d"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
NCNN = b"7767517\n1 1\nInput in0 0 1 in0\n"


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        pytest.param({"m.onnx": b""}, "unknown-format", "an empty file", id="empty"),
        pytest.param({"m.onnx": os.urandom(999)}, "unknown-format", "binary data", id="random"),
        pytest.param({"m.onnx": b"hello\n" * 9}, "unknown-format", "a text", id="text"),
        pytest.param({"m.onnx": b"<!DOCTYPE html>"}, "unknown-format", "web page", id="page"),
        pytest.param({"m.pt": pictures()[:99]}, "unknown-format", "zip archive", id="truncated"),
        pytest.param({"p.zip": pictures()}, "unknown-format", "JPEG picture", id="pictures"),
        pytest.param({"m.onnx": LFS}, "unknown-format", "git lfs pull", id="lfs-pointer"),
        pytest.param({"n.param": NCNN}, "corrupt-model", "n.bin", id="half-a-model"),
        pytest.param({"a.onnx": MODEL, "b.onnx": MODEL}, "ambiguous-format", "b.onnx", id="two"),
        pytest.param({"m.zip": pictures()[:99]}, "corrupt-model", "cut short", id="truncated-zip"),
    ],
)
def test_an_upload_that_is_no_model_is_refused(files, code, says, place) -> None:
    for name, content in files.items():
        (place / name).write_bytes(content)
    done = modelport("convert", *files, "--to", "mnn", "--json", cwd=place)
    error = json.loads(done.stdout)["error"]
    text = " ".join((error["detail"], error["hint"]))
    assert (done.returncode, error["code"], says in text, bool(error["hint"]), left(place)) == (
        (1, code, True, True, set(files))
    )


def test_a_refusal_is_said_on_standard_error(place) -> None:
    (place / "模型.onnx").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = modelport("inspect", "模型.onnx", cwd=place)
    assert (done.returncode, done.stdout) == (1, "")
    assert "'模型.onnx' is no model that we know: it looks like a PNG picture" in done.stderr


@pytest.mark.parametrize(
    ("code", "want"),
    [("unknown-format", 1), ("no-route", 1), ("unavailable", 1), ("unsupported-operator", 1),
     ("timed-out", 6), ("out-of-memory", 6), ("disk-full", 6), ("plugin-bug", 5),
     ("worker-died", 5), ("silent-success", 5), ("cancelled", 130)],
)  # fmt: skip
def test_each_cause_has_its_status(code, want) -> None:
    assert exit_status(BY_CODE[code]("x")) == want


def test_every_error_has_a_status() -> None:
    assert {exit_status(cls("x")) for cls in BY_CODE.values()} == set(STATUS.values())


@pytest.mark.parametrize(
    ("verdict", "required", "want"),
    [("verified", True, 0), ("verified", False, 0), ("different", False, 3), ("different", True, 3),
     ("alike", False, 0), ("alike", True, 4), ("unverified", True, 4), ("structural", False, 0)],
)  # fmt: skip
def test_each_verdict_has_its_status(verdict, required, want) -> None:
    assert verdict_status(verdict, require_verified=required) == want


def test_a_stranger_s_name_cannot_drive_the_terminal() -> None:
    assert plain("a\x1b[2J\u202eb\n中") == "a?[2J?b 中"


@pytest.mark.parametrize(
    ("text", "want"), [("8G", 8 * 2**30), ("1.5GiB", 3 * 2**29), ("512M", 2**29), ("100", 100)]
)
def test_an_amount_of_memory_is_read(text, want) -> None:
    assert amount.size(text) == want


@pytest.mark.parametrize("text", ["", "G", "8X", "-1G", "nan", "1e99T", "0"])
def test_what_is_no_amount_is_refused(text) -> None:
    with pytest.raises(click.BadParameter):
        amount.size(text)


@pytest.mark.parametrize(
    ("text", "want"),
    [("x=1,3,8,8", {"x": (1, 3, 8, 8)}), ("a=b:0=1", {"a=b:0": (1,)}), ("s=", {"s": ()}),
     ("x=1x3x8", {"x": (1, 3, 8)})],
)  # fmt: skip
def test_a_shape_is_read(text, want) -> None:
    assert amount.shapes([text]) == want


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("squeezenet.onnx", "squeezenet-ncnn"),
        ("模型.tar.gz", "模型-ncnn"),
        ("a.b.onnx", "a.b-ncnn"),
    ],
)
def test_the_default_folder_is_named_after_the_model(name, want) -> None:
    assert destination.default(Path(name), "ncnn") == Path(want)


def written(folder: Path, name: str) -> Path:
    """Return a folder as a conversion leaves it before it is published."""
    folder.mkdir()
    (folder / name).write_bytes(b"weights")
    told = {"modelport": "0", "verdict": "verified", "result": {"files": [{"name": name}]}}
    (folder / "report.json").write_text(json.dumps(told), "utf-8")
    return folder


def test_a_second_conversion_replaces_the_first(tmp_path) -> None:
    destination.publish(written(tmp_path / "1", "old.mnn"), tmp_path / "out")
    destination.check(tmp_path / "out", force=False)
    destination.publish(written(tmp_path / "2", "new.mnn"), tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"new.mnn", "report.json"}


def test_a_stranger_s_file_is_kept_when_forced(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    destination.check(tmp_path / "out", force=True)
    destination.publish(written(tmp_path / "1", "net.mnn"), tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "thesis.tex", "net.mnn", "report.json",
    }  # fmt: skip


def test_a_report_that_names_files_elsewhere_deletes_nothing_there(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    out = written(tmp_path / "out", "net.mnn")
    told = {"modelport": "0", "verdict": "x", "result": {"files": [{"name": "../thesis.tex"}]}}
    (out / "report.json").write_text(json.dumps(told), "utf-8")
    destination.publish(written(tmp_path / "1", "net.mnn"), out)
    assert (tmp_path / "thesis.tex").exists()


def documented(title: str) -> dict[str, list[str]]:
    """Return the rows below a heading of docs/errors.md, by code."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text("utf-8")
    section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines()]
    return {row[0]: row[1:] for row in rows if row and row[0] not in {"Code", "---"}}


def test_every_error_is_in_the_documentation() -> None:
    told = {code: (row[0], row[2], row[3]) for code, row in documented("Conversions").items()}
    assert told == {
        code: (cls.title, str(exit_status(cls("x"))), str(problems.status(cls)))
        for code, cls in BY_CODE.items()
        if cls is not ModelportError
    }


def test_every_refusal_of_the_service_is_in_the_documentation() -> None:
    told = {code: (row[0], row[2]) for code, row in documented("Requests").items()}
    assert told == {
        cls.code: (cls.title, str(problems.status(cls)))
        for cls in problems.RequestError.__subclasses__()
    }
