"""What a worker leaves as JSON: the answer, and its progress. All of it is a stranger's data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelport import errors
from modelport.sandbox.delivery import content
from modelport_sdk import PROTOCOL

Json = dict[str, Any]

MAX_RESULT = 64 << 20
"""Bytes of ``result.json`` that are read: a description of 200,000 nodes takes 30 MB."""

DEEPEST = 64
"""Levels of lists and objects; what walks the values later has a stack of 1000 frames."""

FEWEST = 4
"""Characters of a path that tell nothing: ``/tmp``, ``/var``."""

NEAREST = 3
"""Parts of a path that is ours: ``/tmp`` and ``/home`` alone are anybody's."""

PROSE = {"message", "hint", "notes", "error", "skipped"}
"""Members that tell, in which a tool may have cut one of our paths short; names are left alone."""

STAGE, MESSAGE = 80, 2000
"""Characters of the name of a stage, and of a message, that are kept."""


def named(ref: str) -> str:
    """Return a plugin's own name, as users see it: ``onnx-to-ncnn``."""
    return ref.partition(":")[2].replace("_", "-")


def read(path: Path, ref: str, hidden: Sequence[Path] = ()) -> Json:
    """Return the checked ``result.json`` of the plugin ``ref``.

    Tools put paths into their messages; those of ours, ``hidden``, are taken out.

    Raises:
        ModelportError: The plugin refused, with its own code.
        WorkerDied: There is no answer, or none of the form of docs/protocol.md.
    """
    text = content(path.parent, path.name, MAX_RESULT)
    if text is None:
        raise errors.WorkerDied(f"{named(ref)} ended without a result", step=named(ref))
    try:
        for place in hidden:
            written = json.dumps(str(place)).strip('"').encode()
            text = text.replace(written + b"/", b"").replace(written, b"")
        result = _parsed(text, hidden)
    except ValueError:
        raise errors.WorkerDied(f"{named(ref)} left a broken result", step=named(ref)) from None
    if not isinstance(result, dict) or result.get("protocol") != PROTOCOL:
        raise errors.WorkerDied(f"{named(ref)} speaks another protocol", step=named(ref))
    if result.get("ok") is not True:
        raise _refusal(result.get("error"), ref)
    return result


def progress(line: bytes) -> tuple[str, float] | None:
    """Return stage and fraction of a line of ``progress.jsonl``; None where it is none."""
    try:
        entry = _parsed(line)
        return str(entry["stage"])[:STAGE], min(1.0, max(0.0, float(entry["fraction"])))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _parsed(text: bytes, hidden: Sequence[Path] = ()) -> Any:  # noqa: ANN401  # any JSON
    """Return the value; ValueError for what is no JSON, or nested too deep."""
    try:
        return _clean(json.loads(text), hidden, 0)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _clean(value: Any, hidden: Sequence[Path], depth: int, *, prose: bool = False) -> Any:  # noqa: ANN401  # any JSON
    """Return ``value`` as it may be kept and shown.

    Lone surrogates are replaced, which no file and no database takes; from prose goes what is
    left of hidden paths.
    """
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        text = value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
        return _whole(text, hidden) if prose else text
    if isinstance(value, list):
        return [_clean(item, hidden, depth + 1, prose=prose) for item in value]
    if isinstance(value, dict):
        return {
            _clean(key, hidden, depth): _clean(item, hidden, depth + 1, prose=key in PROSE)
            for key, item in value.items()
        }
    return value


def _refusal(error: object, ref: str) -> errors.ModelportError:
    """Return the error that the plugin raised; counts that are none are left out."""
    told: Mapping[str, Any] = error if isinstance(error, dict) else {}
    cls = errors.BY_CODE.get(str(told.get("code")), errors.PluginBug)
    counts = told.get("operators")
    operators = {
        name: count
        for name, count in (counts if isinstance(counts, dict) else {}).items()
        if type(count) is int and 0 <= count < 2**63
    }
    message, hint = (str(told.get(name, ""))[:MESSAGE] for name in ("message", "hint"))
    return cls(message, hint=hint, step=named(ref), operators=operators)


def _whole(text: str, hidden: Sequence[Path]) -> str:
    """Return ``text`` without paths beside the hidden ones, cut short or not."""
    for place in hidden:
        for above in place.parents:
            if len(above.parts) >= NEAREST:
                text = re.sub(rf"{re.escape(str(above))}\S*", "", text)
        for length in range(len(str(place)) - 1, FEWEST, -1):
            text = text.removesuffix(str(place)[:length])
    return text.rstrip()
