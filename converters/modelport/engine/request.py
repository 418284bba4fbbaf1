"""What a user asks for, and the source it is asked of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelport.model import Artifact, Description


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        files: Files, folders or archives that make one model.
        target: A format id, or ``"format.variant"`` for a pass.
        source: Format id, where the user names it.
        options: For the converters on the way, by name.
        shapes: Concrete shapes by input name.
        inputs: An ``.npz`` of arrays by input name, used for verification.
        calibration: An ``.npz`` of arrays by input name, samples along the first axis.
        seed: Of the inputs that are drawn.
        consent: Whether operator and uploader let pickled code run in the sandbox.
        build: Whether environments that are missing may be built on the way, which takes the
            network and minutes; else the conversion is refused with the command.
        using: Versions of tools, as ``TOOL@VERSION``: routes have to pass through each of them.
    """

    files: tuple[Path, ...]
    target: str
    source: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    inputs: Path | None = None
    calibration: Path | None = None
    seed: int = 0
    consent: bool = False
    build: bool = False
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """The received source of one conversion, with what was asked of it."""

    source: Artifact
    description: Description
    request: Request
