"""The pure parts of the service: names, statuses, keys, settings, archives, schema."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from modelport.errors import BY_CODE, ModelportError
from modelport_api import migrations, problems
from modelport_api.auth import keys
from modelport_api.jobs import database, supervisor
from modelport_api.jobs.tables import METADATA
from modelport_api.settings import Settings
from modelport_api.storage import bundle
from modelport_api.storage.forms import disposition
from modelport_api.storage.uploads import NAME_BYTES, clean


@pytest.mark.parametrize(
    ("name", "want"),
    [
        pytest.param("模型.onnx", "模型.onnx", id="chinese"),
        pytest.param("../../etc/passwd", "passwd", id="climbs"),
        pytest.param("C:\\models\\net.onnx", "net.onnx", id="windows"),
        pytest.param("a\0b\n.onnx", "ab.onnx", id="control-characters"),
        pytest.param("e\u0301.onnx", "\u00e9.onnx", id="decomposed"),
        pytest.param("\u202egnp.onnx", "gnp.onnx", id="right-to-left-override"),
        pytest.param(".hidden", "hidden", id="hidden"),
        pytest.param("..", "model", id="parent"),
        pytest.param("", "model", id="nothing"),
    ],
)
def test_file_names_become_legal_and_keep_their_script(name: str, want: str) -> None:
    assert clean(name) == want


def test_long_names_are_cut_in_front_of_the_suffix() -> None:
    name = clean("模" * 500 + ".onnx")
    assert name.endswith("模.onnx")
    assert len(name.encode()) <= NAME_BYTES


@pytest.mark.parametrize(
    ("header", "want"),
    [
        pytest.param(
            "attachment; filename=\"x\"; filename*=UTF-8''%E6%A8%A1.onnx", "模.onnx", id="5987"
        ),
        pytest.param('attachment; filename="a b.onnx"', "a b.onnx", id="quoted"),
        pytest.param('form-data; name="f"; filename="æ¨¡.onnx"', "模.onnx", id="utf-8-bytes"),
        pytest.param('form-data; name="f"; filename="a%22b.onnx"', 'a"b.onnx', id="browser-quote"),
        pytest.param("", "", id="none"),
    ],
)
def test_names_are_read_from_content_disposition(header: str, want: str) -> None:
    assert disposition(header) == want


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_of_the_core_has_a_status(code: str) -> None:
    assert 400 <= problems.status_of(code) <= 599


def test_the_nearest_class_decides_the_status() -> None:
    assert problems.status(BY_CODE["unknown-format"]) == 415
    assert problems.status(BY_CODE["corrupt-model"]) == 400
    assert problems.status(ModelportError) == 500


def test_a_problem_has_the_fields_of_the_schema() -> None:
    from modelport_api.schemas import Problem

    document = problems.document(BY_CODE["no-route"]("no way").to_json(), 422)
    assert Problem(**document).model_dump() == document


def test_loopback_needs_no_key(tmp_path: Path) -> None:
    told: list[str] = []
    assert keys.expected(Settings(home=tmp_path), told.append) is None
    assert keys.expected(Settings(home=tmp_path, host="0.0.0.0", no_auth=True), told.append) is None
    assert told == []


def test_another_address_gets_a_key_that_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    settings = Settings(home=tmp_path, host="0.0.0.0")
    wanted = keys.expected(settings, told.append)
    key = told[0].rpartition(" ")[2]
    assert wanted is not None
    assert keys.fits(key, wanted)
    assert not keys.fits(key[:-1], wanted)
    assert keys.expected(settings, told.append) == wanted
    assert key not in told[1]
    kept = tmp_path / keys.FILE
    assert key not in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_workers_get_the_settings_but_not_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"home": tmp_path, "slots": 3, "insecure": True, "runner": ("a b", "c")}
    variables = supervisor.environment(Settings(**values, api_key="secret"))
    assert "secret" not in str(variables)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings() == Settings(**values)


def test_the_bundle_is_a_zip_with_utf8_names(tmp_path: Path) -> None:
    (tmp_path / "模型.mnn").write_bytes(bytes(range(256)) * 20_000)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "1.txt").write_text("log")
    names = ["模型.mnn", "logs/1.txt"]
    data = b"".join(bundle.stream(tmp_path, names))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == names
        assert archive.infolist()[0].flag_bits & 0x800  # the name is UTF-8
        assert archive.read(names[0]) == (tmp_path / names[0]).read_bytes()


def test_migrations_lead_to_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    database.migrate(settings)
    database.migrate(settings)
    engine = database.connect(settings)
    ours = set(METADATA.tables)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2  # FULL
    engine.dispose()


def test_the_head_that_is_checked_at_start_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD
