"""Follows every input and output of a model through the steps of a route; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelport.errors import WorkerDied
from modelport.model import Description, Json, Mapped, Port, Tensor


def identity(description: Description) -> Mapped:
    """Return the mapping of a model to itself."""
    return Mapped(
        tuple(Port(tensor.name, tensor.name) for tensor in description.inputs),
        tuple(Port(tensor.name, tensor.name) for tensor in description.outputs),
    )


def compose(first: Mapped, second: Mapped) -> Mapped:
    """Return the mapping of ``first`` followed by ``second``; what is not named is kept.

    Raises:
        WorkerDied: Two converters declare the same tensor with different ranks.
    """
    return Mapped(
        tuple(_followed(port, second.inputs) for port in first.inputs),
        tuple(_followed(port, second.outputs) for port in first.outputs),
    )


def _followed(port: Port, declared: Sequence[Port]) -> Port:
    after = next((p for p in declared if p.source == port.target), None)
    if port.target is None or after is None:
        return port
    # Only what is transposed must agree: a target may drop an axis, as ncnn does the batch.
    turned = (port.axes, () if after.shape else port.shape)
    if after.axes and any(told and len(told) != len(after.axes) for told in turned):
        raise WorkerDied(f"{port.source!r} is transposed with different ranks")
    # numpy.transpose twice: axes[i] says where axis i of the result comes from
    both = tuple(port.axes[axis] for axis in after.axes) if port.axes and after.axes else ()
    shape = after.shape
    if shape is None and port.shape is not None:
        shape = tuple(port.shape[axis] for axis in after.axes) if after.axes else port.shape
    return replace(
        port,
        target=after.target,
        axes=both or port.axes or after.axes,
        constant=after.constant if after.constant is not None else port.constant,
        shape=shape,
        extra={**port.extra, **after.extra},
    )


def restrictions(mapped: Mapped, description: Description) -> tuple[str, ...]:
    """Return one sentence for everything that the target accepts less of than the source."""
    known = {tensor.name: tensor for tensor in description.inputs}
    said = []
    for port in mapped.inputs:
        if port.target is None and port.constant is not None:
            said.append(f"input {port.source} is fixed at {port.constant}")
        elif port.target is None:
            said.append(f"input {port.source} is gone")
        elif port.shape is not None and _open(known.get(port.source)):
            sizes = "x".join(map(str, _untransposed(port.shape, port.axes)))
            said.append(f"input {port.source} takes the shape {sizes} only")
    return tuple(said)


def _untransposed(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    if len(axes) != len(shape):
        return shape
    result = [0] * len(shape)
    for position, axis in enumerate(axes):
        result[axis] = shape[position]
    return tuple(result)


def _open(tensor: Tensor | None) -> bool:
    return tensor is None or tensor.dynamic


def listed(mapped: Mapped, source: Description, target: Description | None) -> Json:
    """Return the I/O table of the report: each source tensor beside its counterpart."""
    return {
        "inputs": [_row(p, source.inputs, target.inputs if target else ()) for p in mapped.inputs],
        "outputs": [
            _row(p, source.outputs, target.outputs if target else ()) for p in mapped.outputs
        ],
    }


def _row(port: Port, sources: Sequence[Tensor], targets: Sequence[Tensor]) -> Json:
    return {
        "source": _entry(port.source, sources),
        "target": None if port.target is None else _entry(port.target, targets),
        "axes": port.axes,
        "constant": port.constant,
        "shape": port.shape,
    }


def _entry(name: str, tensors: Sequence[Tensor]) -> Json:
    found = next((tensor for tensor in tensors if tensor.name == name), None)
    if found is None:
        return {"name": name, "dtype": None, "shape": None}
    return {"name": name, "dtype": found.dtype, "shape": found.shape}
