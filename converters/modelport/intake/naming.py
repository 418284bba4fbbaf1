"""Names that a stranger chose, made safe to use as file names of ours."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from modelport.errors import CorruptModel

# File systems take 255 bytes a name; the rest is for what we append (".ncnn.param.part").
LONGEST = 200
DEEPEST = 16
# Cc control, Cf invisible and bidirectional marks, Cs lone surrogates, Zl and Zp line ends:
# they forge log lines and headers, or show "exe.onnx" for "xnno.exe".
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
ENDING = re.compile(r"[\s.]+\Z")  # which Windows drops, so that two names become one
JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


def safe(name: str) -> str:
    """Return one path component that no tool takes for an option, a folder or a hidden file.

    Letters of every script are kept, and so are spaces and punctuation: an ONNX graph
    refers to its external data by these names.
    """
    text = "".join("_" if unicodedata.category(char) in UNSEEN else char for char in name)
    text = ENDING.sub("", text.replace("/", "_").replace("\\", "_").strip())
    if not text or text[0] in "-.@~":
        text = "_" + text[1:]
    return _short(text)


def _short(text: str) -> str:
    if len(text.encode("utf-8")) <= LONGEST:
        return text
    stem, dot, suffix = text.rpartition(".")
    tail = dot + suffix if stem and len(suffix.encode("utf-8")) <= LONGEST // 4 else ""
    mark = "-" + hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
    room = LONGEST - len((mark + tail).encode("utf-8"))
    return text.encode("utf-8")[:room].decode("utf-8", "ignore") + mark + tail


def relative(name: str) -> tuple[str, ...]:
    """Return the safe components of an archive entry's name; empty where it is junk.

    Junk is what archivers and desktops leave behind: hidden files, ``__MACOSX``.

    Raises:
        CorruptModel: The name is absolute, climbs out of the archive, or is nested too deep.
    """
    text = name.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or text[1:3] == ":/" or ".." in parts:
        raise CorruptModel(
            f"the archive entry {shown(name)} leads out of the archive",
            hint="Pack the files again with plain relative names.",
        )
    if len(parts) > DEEPEST:
        raise CorruptModel(
            f"the archive nests folders more than {DEEPEST} deep",
            hint="Send the files of the model alone.",
        )
    if any(part.startswith(".") or part.lower() in JUNK for part in parts):
        return ()
    return tuple(safe(part) for part in parts)


def same(name: str) -> str:
    """Return what two names share that some file system would take for one."""
    return unicodedata.normalize("NFC", name).casefold()


def shown(name: str) -> str:
    """Return ``name`` as it stands in a message: quoted, short, on one line."""
    text = "".join("?" if unicodedata.category(char) in UNSEEN else char for char in name)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"  # noqa: PLR2004  # a line of text
