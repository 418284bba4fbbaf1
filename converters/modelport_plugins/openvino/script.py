"""TorchScript modules: example inputs that they accept, and names for their outputs.

Names are those that modelport gives everywhere: inputs by argument, outputs ``out0``,
``out1``, ... in the order in which tuples are flattened, values of dictionaries by key.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelport_sdk import Context, CorruptModel, DynamicShapeRequired, UnsupportedFeature

DTYPES = ("float32", "int64", "bool")
MOST_TRIALS = 81  # all combinations of three types for four inputs


def load_script(source: Path) -> Any:
    """Return the module in ``source``, in evaluation mode.

    Raises:
        CorruptModel: It is no TorchScript file.
    """
    import torch

    try:
        return torch.jit.load(str(source), map_location="cpu").eval()
    except (RuntimeError, ValueError) as exc:
        raise CorruptModel(
            "the file is no complete torchscript module", hint="Save it again with jit.save."
        ) from exc


def example_inputs(module: Any, ctx: Context) -> dict[str, Any]:
    """Return a tensor for every argument, in the first mix of types that the module takes.

    A saved module has lost the types it was traced with; float32 is tried first.

    Raises:
        DynamicShapeRequired: The shape of an input is not known.
        UnsupportedFeature: An argument is no tensor, or no mix of types works.
    """
    import torch

    names = _arguments(module)
    missing = [name for name in names if name not in ctx.shapes]
    if missing:
        raise DynamicShapeRequired(
            f"the shape of input {missing[0]} is not known",
            hint="Give it, e.g. --shape " + missing[0] + "=1,3,224,224.",
        )
    failure: Exception | None = None
    mixes = itertools.islice(itertools.product(DTYPES, repeat=len(names)), MOST_TRIALS)
    for mix in mixes:
        feeds = {
            name: torch.ones(ctx.shapes[name], dtype=getattr(torch, dtype))
            for name, dtype in zip(names, mix)
        }
        try:
            with torch.no_grad():
                module(*feeds.values())
        except (RuntimeError, IndexError, ValueError) as exc:
            failure = failure or exc
        else:
            return feeds
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    raise UnsupportedFeature(
        f"the module does not run on inputs of these shapes: {lines[-1][:200] if lines else ''}",
        hint="Give the shapes it was made for.",
    )


def outputs_by_name(module: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return every tensor that the module returns by name, in order."""
    import torch

    with torch.no_grad():
        leaves = list(_leaves(module(*feeds.values()), ""))
    numbers = itertools.count()
    return {key or f"out{next(numbers)}": torch.as_tensor(leaf) for key, leaf in leaves}


def _arguments(module: Any) -> list[str]:
    schema = module._c._get_method("forward").schema  # noqa: SLF001  # no public way to it
    fed = [a for a in schema.arguments[1:] if not a.has_default_value()]
    odd = [a for a in fed if str(a.type) != "Tensor"]
    if odd:
        raise UnsupportedFeature(
            f"argument {odd[0].name} is no tensor but {str(odd[0].type)[:80]}",
            hint="Wrap the model so that its forward takes tensors only.",
        )
    return [a.name for a in fed]


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, str(name))
    elif isinstance(value, tuple | list):
        fields = getattr(value, "_fields", ())
        for index, item in enumerate(value):
            yield from _leaves(item, fields[index] if fields else key)
    else:
        yield key, value
