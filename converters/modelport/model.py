"""The values that travel through the house: frozen, JSON-able, next to no behaviour."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # NumPy takes a fifth of a second, which `modelport formats` does not have
    import numpy.typing as npt

Json = dict[str, Any]
Array: TypeAlias = "npt.NDArray[Any]"
Tensors: TypeAlias = Mapping[str, "npt.NDArray[Any]"]


@dataclass(frozen=True)
class Environment:
    """An interpreter and its pinned packages; see ``environment.toml`` of a plugin.

    Attributes:
        python: Version asked for, e.g. ``"3.11"``.
        requires: Pinned PEP 508 requirements, sorted.
        lock: Text of ``requirements.lock``: every package, dependencies too, with the digests
            of its files; or "".
        extra: Text of ``requirements.extra.lock``: what other builds of the same pins need; or "".
        remove: Packages taken out again after the install.
        remove_files: Files taken out, relative to site-packages.
        prepare: Source of a script that the new interpreter runs after the install, with
            site-packages as its argument; or "".
        health: Modules that must import before the environment counts as ready.
        serves: Ids of the converters that it can run in place of their own environment; such
            an environment is named ``TOOL@VERSION``.
    """

    name: str
    python: str
    requires: tuple[str, ...] = ()
    lock: str = ""
    extra: str = ""
    remove: tuple[str, ...] = ()
    remove_files: tuple[str, ...] = ()
    prepare: str = ""
    health: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tensor:
    """One input or output of a model.

    Attributes:
        name: As in the model.
        dtype: NumPy's name, e.g. ``"float32"``; ``"bfloat16"``, ``"string"`` and the like too.
        shape: An int, a str for a symbolic axis, or None for an unknown one; the whole
            is None where even the rank is unknown.
        hints: What the graph implies about its values: ``minimum`` and ``maximum``
            (integers that index something), ``values`` (those it is compared with).
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None
    hints: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def dynamic(self) -> bool:
        """Whether any size is left open."""
        return self.shape is None or any(not isinstance(size, int) for size in self.shape)


@dataclass(frozen=True)
class Description:
    """What an inspector found in a model; docs/protocol.md defines the fields."""

    format: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: Mapping[str, int] = field(default_factory=dict[str, int])
    parameters: Mapping[str, int] = field(default_factory=dict[str, int])
    opsets: Mapping[str, int] = field(default_factory=dict[str, int])
    producer: str = ""
    nodes: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Artifact:
    """A model on disk: ``root`` is a folder we own, ``main`` a file in it.

    Attributes:
        files: All of its files, relative to ``root``, ``main`` among them.
        sha256: Digest over names and contents of all files; "" until computed.
    """

    format: str
    root: Path
    main: str
    files: tuple[str, ...]
    sha256: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum((self.root / name).stat().st_size for name in self.files)

    @property
    def path(self) -> Path:
        """The main file."""
        return self.root / self.main


@dataclass(frozen=True)
class Port:
    """An input or output of the source, and what became of it in the target.

    Attributes:
        source: Name in the source.
        target: Name in the target; None where it is gone.
        axes: Transposition from source to target layout; empty means none.
        constant: The value built in where an input is gone.
        shape: The only shape that the target accepts, in its own layout, where there is one.
        extra: What the target's runtime needs to know.
    """

    source: str
    target: str | None
    axes: tuple[int, ...] = ()
    constant: Any = None
    shape: tuple[int, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Mapped:
    """How the I/O of a source maps to that of its target; what is not listed is kept."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


class Verdict(enum.StrEnum):
    """What the verification says; docs/verification.md explains each."""

    VERIFIED = "verified"
    ALIKE = "alike"
    DIFFERENT = "different"
    STRUCTURAL = "structural"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Case:
    """One set of inputs.

    Attributes:
        id: Short name, a legal file name.
        kind: ``normal``, ``uniform``, ``image``, ``given``, ``zeros``, ...
        typical: Whether it decides the verdict; stress cases are only reported.
        feeds: Arrays by the source's input names.
    """

    id: str
    kind: str
    typical: bool
    feeds: Tensors


@dataclass(frozen=True)
class Comparison:
    """One output of the source model against the same output of the result.

    Attributes:
        output: The source's name of it.
        max_abs: Largest absolute difference, in the output's own unit.
        max_rel: Largest difference relative to the output's scale S, unitless.
        rmse: Root of the mean squared difference, in the output's own unit.
        cosine: Cosine similarity of the flattened outputs, in [-1, 1].
        snr: Signal-to-noise ratio in dB; None where the difference is zero.
        top1: Share of positions with the same arg-max along the last axis; None
            where the output is no distribution over classes.
        excess: The difference as a multiple of the tolerated noise; passes up to ``limit``.
        limit: What ``excess`` may be.
        scale: S, the output's largest magnitude over all cases.
        case: Id of the case in which ``excess`` was largest.
        passed: Whether this output is inside the tolerance in every typical case.
        reason: Why not, where it is not a matter of size: shapes, dtypes, NaN positions.
    """

    output: str
    max_abs: float
    max_rel: float
    rmse: float
    cosine: float
    snr: float | None
    top1: float | None
    excess: float
    limit: float
    scale: float
    case: str
    passed: bool
    reason: str = ""


@dataclass(frozen=True)
class Verification:
    """The verdict on one result, with everything that led to it."""

    verdict: Verdict
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    stress: tuple[Comparison, ...] = ()
    cautions: tuple[str, ...] = ()
    details: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Step:
    """One converter as planned, and after it ran also how that went.

    Attributes:
        seconds: Wall time of the worker.
        peak_memory: Largest resident set of its process tree, in bytes.
        log: File name of its log among the conversion's logs.
    """

    converter: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seconds: float = 0.0
    peak_memory: int = 0
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    log: str = ""


@dataclass(frozen=True)
class Stage:
    """A model on its way along a route: what it is by now, and how its I/O maps."""

    artifact: Artifact
    mapped: Mapped
    precision: str = "float32"


@dataclass(frozen=True)
class Attempt:
    """One route that was tried: how far it came, and what was found.

    Attributes:
        steps: Those that ran, in order.
        error: The error that ended it, as in problem documents; empty if it converted.
        verification: None if it did not convert.
        result: The artefact, if it converted.
        trail: What each step was given; the source comes first.
    """

    route: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    error: Json = field(default_factory=dict[str, Any])
    verification: Verification | None = None
    result: Artifact | None = None
    mapped: Mapped = field(default_factory=Mapped)
    precision: str = "float32"
    trail: tuple[Stage, ...] = ()


def jsonable(value: Any) -> Any:  # noqa: ANN401, PLR0911  # any value, one return a kind
    """Return ``value`` as JSON types; NaN and infinities become None, paths their name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if hasattr(value, "dtype"):  # a number or an array of NumPy's
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return value.name
    return value
