"""Uploads by form: multipart bodies, Content-Disposition, and the names that come with them.

The data is a body with the boundary ``b``; it also serves as a header and as a name.
"""

from __future__ import annotations

from unicodedata import category

from python_multipart.exceptions import FormParserError
from shelf import room

from modelport.errors import ModelportError
from modelport.intake.naming import UNSEEN, relative, safe, shown
from modelport_api.cli.failure import plain
from modelport_api.routes.results import attachment
from modelport_api.storage.forms import Form, disposition
from modelport_api.storage.uploads import NAME_BYTES, Sink, clean

LIMIT = 2048


def target(data: bytes) -> None:
    """Parse the body in pieces, then the name."""
    with room() as folder:
        sink = Sink(folder, LIMIT, 0)
        try:
            form = Form(sink, b"b")
            for at in range(0, len(data), 97):
                form.write(data[at : at + 97])
            form.end()
        except (FormParserError, ModelportError):
            pass
        finally:
            sink.close()
        assert sum(path.stat().st_size for path in folder.iterdir()) <= LIMIT
        assert {path.name for path in folder.iterdir()} == {file.name for file in sink.files}
    _name(disposition(data.decode("latin-1")))
    _name(data.decode("utf-8", "surrogateescape"))


def _name(text: str) -> None:
    for name in (clean(text), safe(text)):
        assert name
        assert "/" not in name
        assert name not in {".", ".."}
        assert len(name.encode()) <= NAME_BYTES
    assert safe(safe(text)) == safe(text)
    assert not any(category(char) in UNSEEN for char in shown(text))
    header = attachment(clean(text))
    assert header.isascii()
    assert header.isprintable()
    assert "\x1b" not in plain(text)
    try:
        parts = relative(text)
    except ModelportError:
        return
    assert all(part and part not in {".", ".."} and "/" not in part for part in parts)
