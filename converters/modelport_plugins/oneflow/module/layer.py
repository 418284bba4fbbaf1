"""Convolutions, matrix products, normalisation and pooling: layers of ``nn`` where they fit."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.module.source import Source
from modelport_sdk import UnsupportedFeature

LEAST = -3.4e38  # pads a maximum: just above the lowest float32


def _stem(name: str) -> str:
    """Return a layer's name from its weight's: ``m.conv1.weight`` gives ``m.conv1``."""
    head, _, tail = name.rpartition(".")
    return head if head and tail in {"weight", "kernel"} else name


def pads(
    src: Source, node: Any, attrs: dict[str, Any], kernel: list[int]
) -> tuple[list[int], list[int]]:
    """Return padding before and after each spatial axis, worked out from ``auto_pad``."""
    rank = len(kernel)
    mode = attrs.get("auto_pad", b"NOTSET")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode in {"NOTSET", ""}:
        given = list(attrs.get("pads", [0] * 2 * rank))
        return given[:rank], given[rank:]
    if mode == "VALID":
        return [0] * rank, [0] * rank
    steps, apart = attrs.get("strides", [1] * rank), attrs.get("dilations", [1] * rank)
    before, after = [], []
    for size, width, step, gap in zip(src.shape(node.input[0])[2:], kernel, steps, apart):
        total = max((-(-size // step) - 1) * step + (width - 1) * gap + 1 - size, 0)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before, after


def padded(text: str, before: list[int], after: list[int], value: float = 0.0) -> str:
    """Return an expression with padding of its own, last axis first as both frameworks take it."""
    flat = [n for low, high in zip(reversed(before), reversed(after)) for n in (low, high)]
    return f"F.pad({text}, {tuple(flat)}, value={value!r})"


def _convolution(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    weight = src.value(node.input[1])
    bias = src.value(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    rank, groups = weight.ndim - 2, attrs.get("group", 1)
    before, after = pads(src, node, attrs, list(weight.shape[2:]))
    text = src.tensor(node.input[0])
    if before != after:
        text, before = padded(text, before, after), [0] * rank
    made = (
        f"nn.Conv{rank}d({weight.shape[1] * groups}, {weight.shape[0]}, {tuple(weight.shape[2:])}, "
        f"stride={tuple(attrs.get('strides', [1] * rank))}, padding={tuple(before)}, "
        f"dilation={tuple(attrs.get('dilations', [1] * rank))}, groups={groups}, "
        f"bias={bias is not None})"
    )
    arrays = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    src.set(node.output[0], f"{src.layer(_stem(node.input[1]), made, **arrays)}({text})")


def _deconvolution(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    weight = src.value(node.input[1])
    bias = src.value(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    rank, groups = weight.ndim - 2, attrs.get("group", 1)
    given = list(attrs.get("pads", [0] * 2 * rank))
    before, after = given[:rank], given[rank:]
    if before != after or "output_shape" in attrs or attrs.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise UnsupportedFeature("ConvTranspose with uneven or computed padding is not written")
    made = (
        f"nn.ConvTranspose{rank}d({weight.shape[0]}, {weight.shape[1] * groups}, "
        f"{tuple(weight.shape[2:])}, stride={tuple(attrs.get('strides', [1] * rank))}, "
        f"padding={tuple(before)}, "
        f"output_padding={tuple(attrs.get('output_padding', [0] * rank))}, "
        f"groups={groups}, bias={bias is not None}, "
        f"dilation={tuple(attrs.get('dilations', [1] * rank))})"
    )
    arrays = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    text = src.tensor(node.input[0])
    src.set(node.output[0], f"{src.layer(_stem(node.input[1]), made, **arrays)}({text})")


def _batch_norm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    import numpy as np

    scale, bias, mean, variance = (src.value(name) for name in node.input[1:5])
    rank = max(len(src.shape(node.input[0])) - 2, 1)
    made = f"nn.BatchNorm{rank}d({scale.shape[0]}, eps={attrs.get('epsilon', 1e-5)!r})"
    counter = np.zeros((), np.int64)  # in every state_dict of such a layer
    layer = src.layer(
        _stem(node.input[1]), made, weight=scale, bias=bias, running_mean=mean,
        running_var=variance, num_batches_tracked=counter,
    )  # fmt: skip
    src.set(node.output[0], f"{layer}({src.tensor(node.input[0])})")


def _layer_norm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    import numpy as np

    shape = src.shape(node.input[0])
    axis = attrs.get("axis", -1) % len(shape)
    sizes = shape[axis:]
    scale = np.broadcast_to(src.value(node.input[1]), sizes)
    bias = np.zeros_like(scale)
    if len(node.input) > 2 and node.input[2]:
        bias = np.broadcast_to(src.value(node.input[2]), sizes)
    if any(node.output[1:]):
        raise UnsupportedFeature("LayerNormalization whose mean or deviation is used")
    made = f"nn.LayerNorm({tuple(sizes)}, eps={attrs.get('epsilon', 1e-5)!r})"
    layer = src.layer(_stem(node.input[1]), made, weight=scale, bias=bias)
    src.set(node.output[0], f"{layer}({src.tensor(node.input[0])})")


def _instance_norm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, rank = src.tensor(node.input[0]), len(src.shape(node.input[0]))
    axes, sizes = tuple(range(2, rank)), (-1, *([1] * (rank - 2)))
    centred = src.fresh("centred")
    src.body.append(f"{centred} = {x} - T.mean({x}, dim={axes}, keepdim=True)")
    power = f"T.mean({centred} * {centred}, dim={axes}, keepdim=True)"
    scale, bias = (f"{src.tensor(name)}.reshape{sizes}" for name in node.input[1:3])
    deviation = f"T.sqrt({power} + {attrs.get('epsilon', 1e-5)!r})"
    src.set(node.output[0], f"{centred} / {deviation} * {scale} + {bias}")


def _gemm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Write a Linear where it is one: weights of its own, and nothing scaled."""
    plain = attrs.get("alpha", 1.0) == 1.0 and attrs.get("beta", 1.0) == 1.0
    held = src.held.get(node.input[1])
    bias = src.held.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    fits = len(node.input) < 3 or not node.input[2] or (bias is not None and bias.ndim == 1)
    if held is not None and plain and fits and not attrs.get("transA"):
        weight = held if attrs.get("transB") else held.T.copy()
        rows, columns = weight.shape
        if bias is None or bias.shape == (rows,):
            made = f"nn.Linear({columns}, {rows}, bias={bias is not None})"
            arrays = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
            layer = src.layer(_stem(node.input[1]), made, **arrays)
            src.set(node.output[0], f"{layer}({src.tensor(node.input[0])})")
            return
    left, right = (
        src.tensor(name) + (".transpose(0, 1)" if attrs.get(key) else "")
        for name, key in ((node.input[0], "transA"), (node.input[1], "transB"))
    )
    text = f"T.matmul({left}, {right})"
    if attrs.get("alpha", 1.0) != 1.0:
        text += f" * {attrs['alpha']!r}"
    if len(node.input) > 2 and node.input[2]:
        text += f" + {src.operand(node.input[2])}"
        text += f" * {attrs['beta']!r}" if attrs.get("beta", 1.0) != 1.0 else ""
    src.set(node.output[0], text)


def _product(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    left, right = map(src.tensor, node.input)
    if all(len(src.shape(name)) == 1 for name in node.input):  # OneFlow's matmul takes no vectors
        src.set(node.output[0], f"T.sum({left} * {right}, dim=0)")
    else:
        src.set(node.output[0], f"T.matmul({left}, {right})")


def _pooled(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if len(node.output) > 1 and node.output[1]:
        raise UnsupportedFeature(f"{node.op_type} whose places of maxima are used")
    kernel = list(attrs["kernel_shape"])
    rank = len(kernel)
    before, after = pads(src, node, attrs, kernel)
    text, largest = src.tensor(node.input[0]), node.op_type == "MaxPool"
    if before != after:
        if not largest and not attrs.get("count_include_pad"):
            raise UnsupportedFeature("AveragePool with uneven padding that does not count")
        text, before = padded(text, before, after, LEAST if largest else 0.0), [0] * rank
    more = f"dilation={tuple(attrs.get('dilations', [1] * rank))}" if largest else ""
    more = more or f"count_include_pad={bool(attrs.get('count_include_pad', 0))}"
    src.set(
        node.output[0],
        f"F.{'max' if largest else 'avg'}_pool{rank}d({text}, {tuple(kernel)}, "
        f"stride={tuple(attrs.get('strides', [1] * rank))}, padding={tuple(before)}, "
        f"ceil_mode={bool(attrs.get('ceil_mode', 0))}, {more})",
    )


def _global_average(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    rank = len(src.shape(node.input[0])) - 2
    sizes = 1 if rank == 1 else (1,) * rank
    src.set(node.output[0], f"F.adaptive_avg_pool{rank}d({src.tensor(node.input[0])}, {sizes})")


def _global_largest(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    axes = tuple(range(2, len(src.shape(node.input[0]))))
    src.set(node.output[0], f"T.amax({src.tensor(node.input[0])}, dim={axes}, keepdim=True)")


TABLE: dict[str, Any] = {
    "Conv": _convolution,
    "ConvTranspose": _deconvolution,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "Gemm": _gemm,
    "MatMul": _product,
    "MaxPool": _pooled,
    "AveragePool": _pooled,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_largest,
}
