"""What a TorchScript graph implies about an input: the rank and sizes its first layer asks for.

A saved TorchScript file has lost the shapes it was traced with. Each input is followed
through operators that keep or rearrange its axes to the first layer with weights; that
layer's demand is carried back through the rearrangements.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int | str | None, ...]
Undo = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Demand:
    """What a layer asks of its input: sizes, dtype, and bounds of integer values.

    Attributes:
        shape: Ints where the weights fix a size, words where any will do: ``batch``,
            ``channels``, ``length``, ``height``, ``width``, ``depth``.
        exact: Whether the rank is certain; a linear layer takes any.
    """

    shape: Shape
    dtype: str = "float32"
    hints: dict[str, int] = field(default_factory=dict[str, int])
    exact: bool = True


SPATIAL = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
KEEP = re.compile(
    r"""\Aaten::(?:
    relu|relu_|relu6|sigmoid|tanh|gelu|silu|elu|leaky_relu|hardtanh|hardswish|clamp|clamp_
    |clip|dropout|dropout_|feature_dropout|detach|clone|contiguous|to|type_as|float|double
    |half|cpu|abs|neg|exp|log|log1p|sqrt|rsqrt|square|pow|add|add_|sub|sub_|mul|mul_|div
    |div_|rsub|pad|reflection_pad1d|reflection_pad2d|constant_pad_nd|replication_pad2d|slice
    |narrow|max_pool1d|max_pool2d|max_pool3d|avg_pool1d|avg_pool2d|avg_pool3d
    |upsample_nearest2d|upsample_bilinear2d|instance_norm|nan_to_num|alias|expand_as
    |masked_fill
    )\Z""",
    re.VERBOSE,
)


def demand(graph: Any, value: Any) -> Demand | None:
    """Return what the first layer behind ``value`` asks of it; None if nothing is known."""
    pending: deque[tuple[Any, tuple[Undo, ...]]] = deque([(value, ())])
    visited: set[str] = set()
    while pending:
        current, undo = pending.popleft()
        if current.debugName() in visited:
            continue
        visited.add(current.debugName())
        for use in current.uses():
            node, offset = use.user, use.offset
            found = LAYERS.get(node.kind())
            asked = found(node, offset) if found else None
            if asked is not None:
                return _carried(asked, undo)
            step = _step(node, offset)
            if step is not None:
                pending.append((node.output(), (*undo, step)))
    return None


def _carried(asked: Demand, undo: tuple[Undo, ...]) -> Demand | None:
    shape = list(asked.shape)
    try:
        for step in reversed(undo):
            shape = step(shape)
    except (IndexError, ValueError):
        return None
    return Demand(tuple(shape), asked.dtype, asked.hints, asked.exact)


def _step(node: Any, offset: int) -> Undo | None:
    """Return how to carry a shape back over ``node``; None where the trail ends."""
    kind = node.kind()
    inputs = list(node.inputs())
    if KEEP.match(kind) and offset == 0 and node.outputsSize() == 1:
        if kind in {"aten::slice", "aten::narrow"} or "pad" in kind or "pool" in kind:
            return _loosened
        return list
    if offset != 0 or node.outputsSize() != 1:
        return None
    constants = [item.toIValue() for item in inputs[1:]]
    undo = REARRANGED.get(kind)
    return undo(constants) if undo and constants and None not in constants[:2] else None


def _loosened(shape: list[Any]) -> list[Any]:
    return shape[:2] + [None if isinstance(size, int) else size for size in shape[2:]]


def _without(shape: list[Any], axis: int) -> list[Any]:
    place = axis % len(shape)
    return shape[:place] + shape[place + 1 :]


def _with_one(shape: list[Any], axis: int) -> list[Any]:
    place = axis % (len(shape) + 1)
    return [*shape[:place], 1, *shape[place:]]


def _unpermuted(shape: list[Any], axes: list[int]) -> list[Any]:
    result = [None] * len(shape)
    for place, axis in enumerate(axes):
        result[axis] = shape[place]
    return result


def _swapped(shape: list[Any], first: int, second: int) -> list[Any]:
    shape = list(shape)
    shape[first], shape[second] = shape[second], shape[first]
    return shape


REARRANGED: dict[str, Callable[[list[Any]], Undo]] = {
    "aten::unsqueeze": lambda known: lambda shape: _without(shape, known[0]),
    "aten::squeeze": lambda known: lambda shape: _with_one(shape, known[0]),
    "aten::permute": lambda known: lambda shape: _unpermuted(shape, known[0]),
    "aten::transpose": lambda known: lambda shape: _swapped(shape, known[0], known[1]),
}


def _weight(node: Any, place: int) -> Any:
    """Return a constant tensor among the node's inputs; None if it is no constant."""
    import torch

    value = list(node.inputs())[place].toIValue()
    return value if isinstance(value, torch.Tensor) else None


def _dtype(weight: Any) -> str:
    return str(weight.dtype).removeprefix("torch.")


def _conv(node: Any, offset: int) -> Demand | None:
    weight = _weight(node, 1)
    if offset != 0 or weight is None:
        return None
    inputs = list(node.inputs())
    transposed = "transpose" in node.kind()
    if node.kind() == "aten::_convolution":
        transposed, groups = inputs[6].toIValue(), inputs[8].toIValue()
    else:
        groups = inputs[6].toIValue() if len(inputs) > 6 else 1
    channels = weight.shape[0] if transposed else weight.shape[1] * (groups or 1)
    return Demand(("batch", int(channels), *SPATIAL[weight.dim() - 2]), _dtype(weight))


def _linear(node: Any, offset: int) -> Demand | None:
    place = 2 if node.kind() == "aten::addmm" else 1
    weight = _weight(node, place)
    if weight is None or offset != place - 1 or weight.dim() < 2:
        return None
    size = weight.shape[-1] if node.kind() == "aten::linear" else weight.shape[-2]
    return Demand(("batch", int(size)), _dtype(weight), exact=node.kind() == "aten::addmm")


def _embedding(node: Any, offset: int) -> Demand | None:
    weight = _weight(node, 0)
    if weight is None or offset != 1:
        return None
    return Demand(
        ("batch", "length"),
        "int64",
        {"minimum": 0, "maximum": int(weight.shape[0]) - 1},
        exact=False,
    )


def _recurrent(node: Any, offset: int) -> Demand | None:
    inputs = list(node.inputs())
    first = "aten::lstm" not in node.kind()
    flags = [item.toIValue() for item in inputs[3:]]
    parameters = [item.toIValue() for item in inputs[2].node().inputs()] or inputs[2].toIValue()
    if not parameters or parameters[0] is None or len(flags) < 6:
        return None
    layers, bidirectional, batch_first = flags[1], flags[4], flags[5]
    gates = 3 if "gru" in node.kind() else 4 if "lstm" in node.kind() else 1
    hidden = int(parameters[0].shape[0]) // gates
    if offset == 1 and first:
        return Demand((int(layers) * (2 if bidirectional else 1), "batch", hidden))
    if offset != 0:
        return None
    size = int(parameters[0].shape[1])
    shape = ("batch", "length", size) if batch_first else ("length", "batch", size)
    return Demand(shape, _dtype(parameters[0]))


def _batch_norm(node: Any, offset: int) -> Demand | None:
    mean = _weight(node, 3)
    if mean is None or offset != 0:
        return None
    return Demand(("batch", int(mean.shape[0]), "height", "width"), exact=False)


def _layer_norm(node: Any, offset: int) -> Demand | None:
    sizes = list(node.inputs())[1].toIValue()
    if not sizes or offset != 0:
        return None
    return Demand(("batch", "length", *sizes), exact=False)


LAYERS: dict[str, Callable[[Any, int], Demand | None]] = {
    **dict.fromkeys(
        (
            *("aten::_convolution", "aten::conv1d", "aten::conv2d", "aten::conv3d"),
            *("aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d"),
        ),
        _conv,
    ),
    **dict.fromkeys(("aten::linear", "aten::addmm", "aten::matmul", "aten::mm"), _linear),
    "aten::embedding": _embedding,
    **dict.fromkeys(("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"), _recurrent),
    "aten::batch_norm": _batch_norm,
    "aten::layer_norm": _layer_norm,
}
