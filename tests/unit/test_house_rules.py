"""Rules of the house that no linter checks."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

from modelport.registry import Registry

ROOT = Path(__file__).resolve().parents[2]


def sources(*suffixes: str) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\n") if name.endswith(suffixes)]


def test_no_file_is_longer_than_300_lines() -> None:
    long = [
        p.name
        for p in sources(".py", ".ts", ".vue")
        if p.is_file() and p.name != "schema.d.ts" and len(p.read_text("utf-8").splitlines()) > 300
    ]
    assert long == []


def test_the_extra_base_is_the_environment_base() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = project["optional-dependencies"]["base"]
    assert tuple(sorted(extra)) == Registry.load().environments["base"].requires


EXECUTION = {
    *("exec()", "eval()", "compile()", "__import__()", "import_module", "import_module()"),
    *("exec_module", "load_module", "module_from_spec", "spec_from_file_location"),
    *("run_path", "run_module", "unsafe_load"),
}
UNPICKLERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy"}


def service() -> list[Path]:
    """Return the sources of what runs outside of the sandbox."""
    own = {"modelport", "modelport_api"}
    return [p for p in sources(".py") if own & set(p.relative_to(ROOT).parts) and p.is_file()]


def executions(path: Path) -> set[str]:
    """Return the calls in a file that run code, and its imports of modules that unpickle."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(f"{node.func.id}()")
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found & (EXECUTION | UNPICKLERS)


def test_nothing_that_a_tool_generates_is_run_by_the_service() -> None:
    # pnnx writes Python, and so does our report: text to hand out, never to import. The registry
    # imports the plugins that the operator has installed.
    found = {path.name: names for path in service() if (names := executions(path))}
    assert found == {"registry.py": {"import_module"}}


def test_every_format_has_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "frameworks").glob("*.md")}
    registry = Registry.load()
    folders = {registry.ref(format).split(".")[1] for format in registry.formats.values()}
    assert folders - pages == set()
