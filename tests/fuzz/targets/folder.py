"""Finding the one model among unpacked files, whatever they are called.

The data is a list of files: a name, a zero byte, what the file holds, and ``\\xff\\xfe``.
"""

from __future__ import annotations

from unicodedata import category

from shelf import room

from modelport.errors import CorruptModel, InputError
from modelport.intake import identify
from modelport.intake.naming import UNSEEN, relative
from modelport.registry import Registry

FORMATS = tuple(Registry.load(frozenset()).formats.values())
END = b"\xff\xfe"
MOST = 12


def target(data: bytes) -> None:
    """Write the files, then identify: the artefact names files that are there."""
    with room() as folder:
        for piece in data.split(END)[:MOST]:
            name, _, content = piece.partition(b"\0")
            try:
                parts = relative(name.decode("utf-8", "surrogateescape"))
            except CorruptModel:
                continue
            path = folder.joinpath(*parts) if parts else folder / "model"
            if any(path.exists() or one.is_file() for one in (path, *path.parents)):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            found = identify(folder, FORMATS)
        except InputError as refusal:
            assert not any(category(char) in UNSEEN for char in str(refusal))
            return
        assert found.main in found.files
        assert all((folder / name).is_file() for name in found.files)
        assert identify(folder, FORMATS, source=found.format) == found
