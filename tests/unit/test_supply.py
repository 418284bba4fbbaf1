"""The supply chain: what is locked, how it is installed, and the bill of materials."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from supply.audit import CLEAN, FOUND, UNKNOWN, ignored, verdict
from supply.lock import definitions, read
from wheels import wheel

from modelport import envs as rooms
from modelport.envs import Envs, bill_of
from modelport.envs.install import merged, plain
from modelport.errors import EnvironmentBroken
from modelport.model import Environment
from modelport_api import bill

ROOT = Path(__file__).resolve().parents[2]
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
PLUGINS = ROOT / "converters" / "modelport_plugins"
LOCKS = [*sorted((ROOT / "supply").glob("*.lock")), *sorted(PLUGINS.rglob("*.lock"))]
ENTRY = re.compile(
    r"[A-Za-z0-9][\w.-]*==[^\s;*]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)


def body(lock: Path) -> str:
    return "".join(line for line in lock.read_text("utf-8").splitlines(True) if line[0] != "#")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_line_of_a_lock_is_an_exact_pin_with_digests(lock: Path) -> None:
    assert ENTRY.sub("", body(lock)) == ""
    assert len(ENTRY.findall(body(lock))) == len(read(lock.read_text("utf-8")))


@pytest.mark.parametrize("name", definitions())
def test_the_lock_of_an_environment_holds_its_pins_and_not_what_is_left_out(name: str) -> None:
    definition = definitions()[name]
    values = tomllib.loads(definition.read_text("utf-8"))
    lock = read(definition.with_name("requirements.lock").read_text("utf-8"))
    # 2.13.0+cpu is a build of 2.13.0.
    pins = {plain(pin.partition("==")[0]): pin.partition("==")[2].partition("+")[0] for pin in lock}
    wanted = dict(pin.split("==") for pin in values["requires"])
    assert {plain(key): version for key, version in wanted.items()}.items() <= pins.items()
    assert {plain(key) for key in values.get("remove", ())} & pins.keys() == set()


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("service", ("project", "dependencies")), ("build", ("build-system", "requires"))],
)
def test_the_locks_of_the_service_hold_what_the_project_asks_for(
    lock: str, wanted: tuple[str, str]
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = project[wanted[0]][wanted[1]]
    names = {plain(re.split(r"[\[<>=!~ ;]", line)[0]) for line in asked}
    locked = read((ROOT / "supply" / f"{lock}.lock").read_text("utf-8"))
    assert names <= {plain(pin.partition("==")[0]) for pin in locked}


def entry(pin: str, digest: str) -> str:
    return f"{pin} \\\n    --hash=sha256:{digest}\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place that pip may look at."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def envs(tmp_path: Path, lock: str, extra: str = "") -> Envs:
    toy = Environment("toy", OURS, lock=lock, extra=extra, health=("modelport_net",))
    return Envs(tmp_path / "envs", {"toy": toy})


def installed(some: Envs) -> dict[str, str]:
    found = rooms.packages_of(some.folder("toy"))
    return {one["name"]: one["version"] for one in found if one["name"].startswith("modelport")}


def test_the_local_build_is_taken_where_the_index_has_it(tmp_path: Path, index: Path) -> None:
    cpu = wheel(index, "modelport_net", "1.0+cpu")
    gpu = wheel(index, "modelport_net", "1.0", requires="modelport-gpu")
    lock, extra = entry("modelport-net==1.0+cpu", cpu), entry("modelport-net==1.0", gpu)
    some = envs(tmp_path, lock, extra)
    some.build("toy", lambda _: None)
    assert installed(some) == {"modelport-net": "1.0+cpu"}


def test_the_other_build_brings_what_it_needs_from_the_extra_lock(
    tmp_path: Path, index: Path
) -> None:
    said: list[str] = []
    gpu = wheel(index, "modelport_net", "1.0", requires="modelport-gpu")
    more = entry("modelport-net==1.0", gpu)
    more += entry("modelport-gpu==2.0", wheel(index, "modelport_gpu", "2.0"))
    some = envs(tmp_path, entry("modelport-net==1.0+cpu", "0" * 64), more)
    some.build("toy", said.append)
    assert installed(some) == {"modelport-net": "1.0", "modelport-gpu": "2.0"}
    assert any("other builds" in line for line in said)


def test_a_file_with_another_digest_is_not_installed(tmp_path: Path, index: Path) -> None:
    wheel(index, "modelport_net", "1.0")
    some = envs(tmp_path, entry("modelport-net==1.0", "0" * 64))
    with pytest.raises(EnvironmentBroken) as caught:
        some.build("toy", lambda _: None)
    assert "HASHES" in str(caught.value)
    assert "not the one that was locked" in caught.value.hint
    assert installed(some) == {}


def test_a_dependency_that_is_not_locked_is_not_installed(tmp_path: Path, index: Path) -> None:
    lock = entry("modelport-net==1.0", wheel(index, "modelport_net", "1.0", "modelport-more"))
    wheel(index, "modelport_more", "1.0")
    some = envs(tmp_path, lock)
    with pytest.raises(EnvironmentBroken, match="does not hold modelport-more"):
        some.build("toy", lambda _: None)
    assert (installed(some), some.status("toy").ready) == ({"modelport-net": "1.0"}, False)


def test_the_extra_lock_takes_the_place_of_its_own_packages_only() -> None:
    lock = "# head\n" + entry("a==1+cpu", "1") + entry("b==1", "2")
    assert merged(lock, entry("a==1", "3")) == "# head\n" + entry("b==1", "2") + entry("a==1", "3")


def problems(text: str) -> object:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def test_a_bill_is_written_with_the_environment_and_names_the_files(
    tmp_path: Path, index: Path
) -> None:
    digest = wheel(index, "modelport_net", "1.0")
    some = envs(tmp_path, entry("modelport-net==1.0", digest))
    some.build("toy", lambda _: None)
    text = some.bill("toy")
    assert problems(text) is None
    parts = {one["name"]: one for one in json.loads(text)["components"]}
    assert parts["modelport-net"]["purl"] == "pkg:pypi/modelport-net@1.0"
    assert parts["modelport-net"]["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert parts["modelport-net"]["licenses"] == [{"license": {"id": "MIT"}}]


def test_the_only_digest_of_the_lock_is_named_where_pip_tells_none(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local index without fragments: pip before 23.1 compares the file and tells no digest."""
    page = tmp_path / "simple" / "modelport-net"
    page.mkdir(parents=True)
    digest = wheel(page, "modelport_net", "1.0")
    (page / "index.html").write_text('<a href="modelport_net-1.0-py3-none-any.whl">1.0</a>')
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", page.parent.as_uri())
    some = envs(tmp_path, entry("modelport-net==1.0", digest))
    some.build("toy", lambda _: None)
    parts = {one["name"]: one for one in json.loads(some.bill("toy"))["components"]}
    assert parts["modelport-net"]["hashes"] == [{"alg": "SHA-256", "content": digest}]


def test_the_bill_of_the_service_is_legal_and_whole() -> None:
    text = bill.service_bill()
    assert problems(text) is None
    names = {one["name"] for one in json.loads(text)["components"]}
    assert {"fastapi", "dbos", "uvicorn"} <= names


def test_the_bill_lists_the_packages_of_the_page(tmp_path: Path) -> None:
    page = [{"name": "@vue/shared", "version": "3.5.1", "license": "MIT"}]
    text = bill_of(tmp_path, "x", "1", page)
    assert problems(text) is None
    assert json.loads(text)["components"][0]["purl"] == "pkg:npm/%40vue/shared@3.5.1"


@pytest.mark.env("base")
def test_the_bill_of_base_is_legal_and_lists_what_is_locked(house) -> None:
    text = house.envs.bill("base")
    assert problems(text) is None
    found = {(one["name"], one["version"]) for one in json.loads(text)["components"]}
    folder = house.envs.folder("base")
    locked = {tuple(pin.split("==")) for pin in read((folder / "requirements.txt").read_text())}
    assert locked <= found


@pytest.mark.env("base")
def test_base_holds_no_telemetry_and_no_installer_of_packages(house) -> None:
    site = next(house.envs.folder("base").glob("lib/python*/site-packages"))
    assert not list(site.glob("openvino_telemetry*"))
    assert not (site / "MNN" / "tools" / "utils" / "log.py").exists()


def test_every_finding_that_is_ignored_has_a_reason_and_a_day_to_look_again() -> None:
    assert [one for one in ignored() if not (one["id"] and one["why"] and one["until"])] == []


HOLE = {"id": "GHSA-1", "fix_versions": ["2.0"]}


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        pytest.param([{"name": "a", "version": "1", "vulns": []}], CLEAN, id="clean"),
        pytest.param([{"name": "a", "version": "1", "vulns": [HOLE]}], FOUND, id="a-hole"),
        pytest.param([{"name": "a", "skip_reason": "not found"}], UNKNOWN, id="no-answer"),
        pytest.param([], UNKNOWN, id="nothing"),
        pytest.param(None, UNKNOWN, id="no-list"),
    ],
)
def test_no_answer_is_not_taken_for_a_clean_one(answer: object, want: int) -> None:
    assert verdict(json.dumps({"dependencies": answer}))[0] == want


def test_what_is_no_answer_at_all_is_unknown() -> None:
    assert verdict("Traceback")[0] == UNKNOWN
