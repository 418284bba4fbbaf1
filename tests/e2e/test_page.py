"""The page in a real browser, before the real service: drop, look, convert, believe, download."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import modelport_frontend
from modelport.engine import House

ROOT = Path(__file__).resolve().parents[2]
BUILDER = ROOT / "tests" / "corpus" / "small.py"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
DIST = Path(modelport_frontend.__file__).parent / "dist" / "index.html"
SERVE = "from modelport_api.cli import main; main()"
# Chromium asks nobody for anything; the last two are what a container needs.
ARGUMENTS = [
    "--no-first-run", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu", "--no-sandbox",
]  # fmt: skip
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SLOW = 300_000  # milliseconds that a small conversion may take on a busy machine
KEY = "a-key-for-this-test-alone"

# A model whose names would run, if the page took them for HTML.
HOSTILE = """
import sys, onnx
from onnx import TensorProto as T, helper as h
name = "<img src=x onerror='window.ran=1'>"
graph = h.make_graph(
    [h.make_node("Relu", [name], ["<script>window.ran=1</script>"])],
    "<b>graph</b>",
    [h.make_tensor_value_info(name, T.FLOAT, [1, 4])],
    [h.make_tensor_value_info("<script>window.ran=1</script>", T.FLOAT, [1, 4])],
)
made = h.make_model(graph, producer_name="<svg onload=window.ran=1>",
                    opset_imports=[h.make_opsetid("", 17)])
made.ir_version = 8
h.set_model_props(made, {"<i>key</i>": "<iframe src=javascript:window.ran=1>"})
onnx.save(made, sys.argv[1])
"""


@contextmanager
def serving(home: Path, house: House, **settings: str) -> Iterator[str]:
    """Run ``modelport serve`` on a free port; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = {"MODELPORT_HOME": str(home), "MODELPORT_ENVS": str(house.envs.root)}
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", "--port", str(port)],
            env={**os.environ, **known, **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until_up(url, process, home / "log.txt")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the service did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no chromium on this machine")
    if not DIST.is_file():
        pytest.skip("the page is not built; run python frontend/build_page.py")
    with playwright.sync_playwright() as tool:
        started = tool.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def service(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("home"), house) as url:
        yield url


@pytest.fixture(scope="module")
def models(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([base_python, BUILDER, folder], check=True)
    subprocess.run([base_python, "-c", HOSTILE, folder / "hostile.onnx"], check=True)
    return folder


@contextmanager
def tab(browser: Any, **settings: Any) -> Iterator[Any]:
    """Open a tab of its own profile; fail on a script error and on a broken policy."""
    context = browser.new_context(**{"locale": "en-US", **settings})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if "Content Security" in m.text else None)
    yield page
    context.close()
    assert wrong == []


def drop(page: Any, *paths: Path, name: str = "") -> None:
    """Drop files on the page, as a mouse would."""
    files = [[name or p.name, base64.b64encode(p.read_bytes()).decode()] for p in paths]
    carried = page.evaluate_handle(
        """files => {
            const carried = new DataTransfer()
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0))
                carried.items.add(new File([bytes], name))
            }
            return carried
        }""",
        files,
    )
    page.dispatch_event(".zone", "drop", {"dataTransfer": carried})


def violations(page: Any) -> list[str]:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; run npm ci in frontend")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]


@pytest.mark.env("base")
def test_a_dropped_model_is_converted_verified_and_downloaded(
    browser: Any, service: str, models: Path
) -> None:
    with tab(browser) as page:
        page.goto(service)
        drop(page, models / "pair.onnx", name="模型 pair.onnx")
        page.get_by_role("heading", name="模型 pair.onnx").wait_for(timeout=SLOW)
        assert "1 \N{MULTIPLICATION SIGN} 3" in page.inner_text("main")
        assert violations(page) == []
        page.get_by_role("radio", name="OpenVINO").check()
        page.get_by_role("button", name="Convert to OpenVINO").click()
        page.get_by_role("heading", name="It computes the same").wait_for(timeout=SLOW)
        page.locator("tbody .name", has_text=re.compile("^first$")).first.wait_for()
        assert violations(page) == []
        with page.expect_download() as bundle:
            page.get_by_role("button", name="Everything (.zip)").click()
        with ZipFile(bundle.value.path()) as archive:
            names = archive.namelist()
            report = json.loads(archive.read("report.json"))
        assert report["verdict"] == "verified"
        assert {"模型 pair.xml", "模型 pair.bin", "report.html"} <= set(names)
        with page.expect_download() as single:
            page.get_by_role("button", name="Download 模型 pair.xml").click()
        assert single.value.suggested_filename == "模型 pair.xml"


@pytest.mark.env("base")
def test_a_link_preselects_and_a_reload_keeps_the_conversion(
    browser: Any, service: str, models: Path
) -> None:
    with tab(browser) as page:
        page.goto(f"{service}/#input=onnx&output=onnx.simplify")
        drop(page, models / "pair.onnx")
        page.get_by_role("button", name="Convert to Simplify").click(timeout=SLOW)
        page.wait_for_url("**/#conversion=*")
        page.reload()
        page.get_by_role("button", name="Everything (.zip)").wait_for(timeout=SLOW)
        page.get_by_role("link", name="modelport, to the start").click()
        assert page.locator("li", has_text="pair.onnx").count() == 1


@pytest.mark.env("base")
def test_names_in_a_model_never_run(browser: Any, service: str, models: Path) -> None:
    with tab(browser) as page:
        page.goto(service)
        drop(page, models / "hostile.onnx", name="<img src=x onerror=window.ran=1>.onnx")
        page.get_by_role("heading", name="What shall it become?").wait_for(timeout=SLOW)
        page.get_by_text("More about this model").click()
        shown = page.inner_text("main")
        assert "<script>window.ran=1</script>" in shown
        assert page.evaluate("window.ran") is None


@pytest.mark.env("base")
def test_what_is_no_model_is_refused_with_what_to_do(
    browser: Any, service: str, tmp_path: Path
) -> None:
    picture = tmp_path / "holiday.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    with tab(browser) as page:
        page.goto(service)
        drop(page, picture)
        page.get_by_role("alert").wait_for(timeout=SLOW)
        said = page.get_by_role("alert").inner_text()
        assert ("unknown-format" in said, "What you can do" in said) == (True, True), said
        assert page.get_by_role("button", name="Choose files").is_enabled()


@pytest.mark.env("base")
def test_the_language_follows_the_browser_and_is_remembered(browser: Any, service: str) -> None:
    with tab(browser, locale="zh-CN", viewport={"width": 390, "height": 844}) as page:
        page.goto(service)
        page.get_by_role("button", name="选择文件").wait_for()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="Switch to English").click()
        page.reload()
        page.get_by_role("button", name="Choose files").wait_for()
        assert page.get_attribute("html", "lang") == "en"


@pytest.mark.env("base")
def test_a_service_with_a_key_asks_for_it_once(browser: Any, house: House, tmp_path: Path) -> None:
    settings = {"MODELPORT_API_KEY": KEY, "MODELPORT_WORKERS": "0"}
    with serving(tmp_path, house, **settings) as url, tab(browser) as page:
        page.goto(url)
        for typed in ("wrong", KEY):
            page.get_by_label("API key").fill(typed)
            page.get_by_role("button", name="Continue").click()
            if typed == "wrong":
                page.get_by_text("The service refused that key.").wait_for()
        page.get_by_text("NCNN").first.wait_for()
        page.reload()
        page.get_by_text("NCNN").first.wait_for()
        assert page.get_by_label("API key").count() == 0
