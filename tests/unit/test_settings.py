"""Settings: from the environment or one file, each with its origin, none wrong unnoticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from modelport_api.cli import group
from modelport_api.jobs.supervisor import environment
from modelport_api.secrecy import handed_on
from modelport_api.settings import Settings, WrongSettings, load, origin


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("MODELPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MODELPORT_HOME", str(tmp_path))
    return tmp_path / "modelport.toml"


def test_the_environment_goes_before_the_file_and_the_call_before_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('port = 9001\nslots = 3\nallowed_hosts = "a.example, b.example"\n')
    monkeypatch.setenv("MODELPORT_PORT", "9002")
    found = load(workers=7)
    assert (found.port, found.slots, found.workers) == (9002, 3, 7)
    assert found.allowed_hosts == ("a.example", "b.example")
    told = [origin(name) for name in ("port", "slots", "seconds", "threads")]
    assert told == ["MODELPORT_PORT", str(file), "default", "this machine"]


def test_a_file_elsewhere_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = file.with_name("other.toml")
    other.write_text("port = 9003\n")
    monkeypatch.setenv("MODELPORT_CONFIG", str(other))
    assert load().port == 9003


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("port = 99999", "modelport.toml: port: input should be less", id="range"),
        pytest.param('slots = "many"', "modelport.toml: slots: input should be a", id="type"),
        pytest.param("prot = 1", "there is no setting prot", id="unknown"),
        pytest.param("port = ", "modelport.toml: invalid value", id="no-toml"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_the_setting(
    file: Path, text: str, said: str
) -> None:
    file.write_text(text)
    with pytest.raises(WrongSettings) as caught:
        load()
    assert said.lower() in str(caught.value).lower()


def test_a_wrong_variable_is_refused_by_its_name(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_SLOTS", "0")
    with pytest.raises(WrongSettings, match="MODELPORT_SLOTS: input should be greater"):
        load()


def test_a_named_file_that_is_not_there_is_no_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_CONFIG", "/nowhere/modelport.toml")
    with pytest.raises(WrongSettings, match="is not there"):
        load()


def test_a_key_in_a_file_that_others_may_read_is_refused(file: Path) -> None:
    file.write_text('api_key = "secret"')
    file.chmod(0o644)
    with pytest.raises(WrongSettings, match="chmod 600"):
        load()
    file.chmod(0o600)
    assert load().api_key is not None


def test_the_command_lists_every_setting_and_no_secret(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_API_KEY", "s3cr3t")
    done = CliRunner().invoke(group, ["settings", "--json"])
    rows = {row["name"]: row for row in json.loads(done.output)["settings"]}
    assert set(rows) == set(Settings.model_fields)
    assert [name for name, row in rows.items() if not row["help"]] == []
    assert rows["api_key"]["origin"] == "MODELPORT_API_KEY"
    assert "s3cr3t" not in done.output + CliRunner().invoke(group, ["settings"]).output


def test_the_server_says_which_setting_is_wrong(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_PORT", "http")
    done = CliRunner().invoke(group, ["serve"])
    assert done.exit_code == 2
    assert "MODELPORT_PORT" in done.output


def test_the_address_of_a_database_is_a_secret_that_workers_get_and_conversions_do_not(
    file: Path,
) -> None:
    url = "postgresql://user:p4ss@db.example/modelport"
    settings = load(database_url=url)
    assert settings.database == "postgresql+psycopg://user:p4ss@db.example/modelport"
    handed = environment(settings)
    assert handed["MODELPORT_DATABASE_URL"] == url
    assert "p4ss" not in str(handed_on(handed)) + repr(settings)
    with pytest.raises(WrongSettings, match="not postgresql"):
        load(database_url="mysql://db.example/x")
