"""Calls PyTorch's exporters, and turns what they say into our errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelport_sdk import PluginError, UnsupportedFeature, UnsupportedOperator, first_line

# Both exporters name the operator: the older in "Exporting the operator 'aten::x' to ONNX ...",
# the newer in "No ONNX function found for <OpOverload(op='aten.x', ...".
OPERATOR = re.compile(r"(?:operator '?|op=')((?:aten|prim|torchvision|quantized)(?:::|\.)\w+)")


@contextlib.contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn whatever PyTorch raises inside into a refusal that names the operator if it can."""
    try:
        yield
    except (PluginError, MemoryError):
        raise
    except Exception as exc:  # the exporters raise dozens of types, all of them a refusal
        chain, cause = "", exc
        while cause is not None and len(chain) < 20_000:
            chain, cause = f"{chain}\n{cause}", cause.__cause__
        operators = sorted(set(OPERATOR.findall(chain)))
        if isinstance(exc, NameError) and exc.name:  # pnnx writes what it does not know as a call
            operators = [exc.name]
        if operators:
            raise UnsupportedOperator(
                f"{what}: {', '.join(operators[:5])} has no counterpart", operators=operators
            ) from exc
        raise UnsupportedFeature(f"{what}: {telling(exc)}") from exc


def telling(exc: BaseException) -> str:
    """Return the line of an exception that says most: the last of a TorchScript traceback."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    last = [line for line in lines if re.match(r"\w*(Error|Exception): ", line)]
    return last[-1][:300] if last else first_line(exc)


def export_script(
    module: Any,
    args: tuple[Any, ...],
    target: Path,
    *,
    names: tuple[Sequence[str], Sequence[str]],
    axes: Mapping[str, Mapping[int, str]],
    opset: int,
) -> None:
    """Write ``target`` with the TorchScript exporter; ``names`` are those of inputs and outputs."""
    import warnings

    import torch

    with warnings.catch_warnings(), refused("the TorchScript exporter gives up"), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            args,
            str(target),
            dynamo=False,
            opset_version=opset,
            input_names=list(names[0]),
            output_names=list(names[1]),
            dynamic_axes={name: dict(free) for name, free in axes.items()},
        )


def export_program(
    program: Any, target: Path, *, names: tuple[Sequence[str], Sequence[str]], opset: int
) -> None:
    """Write ``target`` with the exporter for ExportedPrograms, weights inside up to 2 GB."""
    import warnings

    import torch

    size = sum(t.numel() * t.element_size() for t in program.state_dict.values())
    with warnings.catch_warnings(), refused("the ExportedProgram exporter gives up"):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            program,
            (),
            str(target),
            dynamo=True,
            opset_version=opset,
            input_names=list(names[0]),
            output_names=list(names[1]),
            external_data=size > 1_900_000_000,  # a protobuf holds at most 2 GiB
            verbose=False,
        )
