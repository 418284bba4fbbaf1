"""The five kinds of plugin as plain data, each made by a decorator or a constructor.

* Format      a way to write a model down, recognised without loading it
* Inspector   reads a model and says what is in it
* Converter   an edge from one format to another
* Runtime     runs a model on given inputs
* Weights     lists the weight tensors of a model
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Tuple, TypeVar, Union

from modelport_sdk.context import Context

T = TypeVar("T")
Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]

BASE = "base"  # the environment that ONNX, PyTorch, NCNN, MNN and OpenVINO share


@dataclass(frozen=True)
class Head:
    """As much of a file as detection may look at.

    Attributes:
        name: File name as uploaded, lower case, no folder.
        first: At most the first 65,536 bytes.
        members: Names in the archive, if it is a zip; else empty.
        size: Size of the whole file in bytes.
    """

    name: str
    first: bytes
    members: Tuple[str, ...] = ()
    size: int = 0


def _alone(name: str, data: bytes) -> Tuple[str, ...]:  # noqa: ARG001  # as ``beside`` is called
    return ()


@dataclass(frozen=True)
class Format:
    """A way to write a model down.

    Attributes:
        id: Lower-case word used in URLs and plugins, e.g. ``"onnx"``.
        title: As its makers write it, e.g. ``"ONNX"``.
        match: Return how sure we are, 0.0 (no) to 1.0 (signature), reading
            nothing but the Head. Must not raise on any bytes.
        main: Glob of the one file that names the model, e.g. ``"*.onnx"``.
        parts: Globs of files that must or may stand beside it.
        needs: Globs of which at least one file must stand beside it, e.g.
            ``("*.bin",)`` for NCNN; named to the user when it is missing.
        beside: From the main file's name and its first 64 MiB, the names of the files
            that belong to it, for a door that may look for them on the user's own disk.
    """

    id: str
    title: str
    match: Callable[[Head], float]
    main: str
    parts: Tuple[str, ...] = ()
    needs: Tuple[str, ...] = ()
    beside: Callable[[str, bytes], Tuple[str, ...]] = _alone


Convert = Callable[[Path, Path, Any, Context], None]
Inspect = Callable[[Path, Context], Mapping[str, Any]]
Session = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Load = Callable[[Path, str, Context], Session]
ReadWeights = Callable[[Path, Context], Iterable[Tuple[str, Any]]]


@dataclass(frozen=True)
class NoOptions:
    """For a converter that has nothing to set."""


@dataclass(frozen=True)
class Converter:
    """An edge of the graph: reads one format, writes another.

    Attributes:
        source: ``Format.id`` read.
        target: ``Format.id`` written.
        env: Name of the environment it runs in.
        convert: ``(source, out, options, ctx)``: reads the file ``source``
            (its parts stand beside it), writes into the folder ``out``, with
            names that begin with ``ctx.name``.
        options: Frozen dataclass of the settings, every field with a default.
        variant: Names the tool or the pass where the edge has more than one.
        cost: Rank among rival routes, lower first; 1.0 is a faithful, direct one.
        role: ``"edge"`` leads to another format; ``"pass"`` rewrites within one
            format when asked for by name; ``"repair"`` is a pass that the
            engine may also put in front of an edge that failed; ``"weights"``
            leads from weights alone to weights alone, no graph needed;
            ``"instrument"`` is the engine's own: it makes inner tensors visible as
            outputs, to find the layer at which a result goes wrong.
        title: One sentence for people: what it does and with which tool.
        homepage: The upstream tool.
    """

    source: str
    target: str
    env: str
    convert: Convert
    options: type = NoOptions
    variant: str = ""
    cost: float = 1.0
    role: str = "edge"
    title: str = ""
    homepage: str = ""

    @property
    def id(self) -> str:
        """``"onnx-to-ncnn"``, with ``".variant"`` behind it if there is one."""
        edge = "%s-to-%s" % (self.source, self.target)
        return "%s.%s" % (edge, self.variant) if self.variant else edge


@dataclass(frozen=True)
class Inspector:
    """Says what is in a model; returns the description that docs/protocol.md defines."""

    format: str
    env: str
    inspect: Inspect


@dataclass(frozen=True)
class Runtime:
    """Runs a model on given inputs, so that two models can be compared.

    Attributes:
        format: ``Format.id`` it can load.
        env: Name of the environment it runs in.
        load: ``(model, variant, ctx)`` returns a session: a function from
            ``{input name: array}`` to ``{output name: array}``, all outputs.
        title: As its makers write it, e.g. ``"ONNX Runtime"``.
        variants: What ``load`` understands besides ``"plain"``:
            ``"unoptimised"`` and ``"basic"`` (same model, fewer graph
            optimisations), ``"default"`` (the user's out-of-the-box settings
            where ``"plain"`` has to differ from them), ``"weights-ulp"`` (each
            weight moved by one unit in the last place at random),
            ``"weights-fp16"`` (rounded through float16), ``"fault"`` (takes
            ``"fault:0"``, ``"fault:1"``, ...: the k-th planted fault, one weight
            tensor scaled by 1.01; LookupError when there are no more).
    """

    format: str
    env: str
    load: Load
    title: str = ""
    variants: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """Lists the weight tensors of a model: ``(name, array)``, float ones only."""

    format: str
    env: str
    read: ReadWeights


def option(default: T, help: str, **limits: Any) -> T:
    """Return a dataclass field with its help text and limits attached.

    Limits: ``ge`` and ``le`` for numbers, ``choices`` (a sequence) for strings.
    """
    field: Any = dataclasses.field(default=default, metadata=dict(limits, help=help))
    return field  # type: ignore[no-any-return]  # a field stands in for its value, as in attrs


def converter(
    *,
    source: str,
    target: str,
    env: str = BASE,
    options: type = NoOptions,
    variant: str = "",
    cost: float = 1.0,
    role: str = "edge",
    title: str = "",
    homepage: str = "",
) -> Callable[[Convert], Converter]:
    """Turn the decorated function into a Converter."""

    def wrap(function: Convert) -> Converter:
        text = title or (function.__doc__ or "").split("\n")[0]
        return Converter(
            source, target, env, function, options, variant, cost, role, text, homepage
        )

    return wrap


def inspector(*, format: str, env: str = BASE) -> Callable[[Inspect], Inspector]:
    """Turn the decorated function into an Inspector."""
    return lambda function: Inspector(format, env, function)


def runtime(
    *, format: str, env: str = BASE, title: str = "", variants: Tuple[str, ...] = ()
) -> Callable[[Load], Runtime]:
    """Turn the decorated function into a Runtime."""
    return lambda function: Runtime(format, env, function, title, variants)


def weights(*, format: str, env: str = BASE) -> Callable[[ReadWeights], Weights]:
    """Turn the decorated function into a Weights reader."""
    return lambda function: Weights(format, env, function)
