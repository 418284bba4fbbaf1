"""One hostile upload, and what must be answered to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Files = Mapping[str, bytes]
"""Contents by the name under which each is sent."""


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        id: ``format-fault``.
        format: What it is a mutation of.
        files: Builds the upload from the sound models, by format.
        reach: What met the fault: ``intake`` (the service's own readers), ``guard`` (our check
            in the worker, before the framework), ``native`` (the framework's parser, whose own
            words stand in the answer), or ``taken`` (it loads; whatever follows is contained).
        says: Pattern that the detail of the answer to the upload matches.
        code: Code of the answer to the upload; "" where it is taken.
        to: Target of the conversion that is asked for.
    """

    id: str
    format: str
    files: Callable[[Mapping[str, Files]], Files] = field(repr=False)
    reach: str
    says: str = ""
    code: str = "corrupt-model"
    to: str = "onnx"


def one(name: str, content: bytes) -> Callable[[Mapping[str, Files]], Files]:
    """Return a builder that needs no sound model."""
    return lambda _: {name: content}
