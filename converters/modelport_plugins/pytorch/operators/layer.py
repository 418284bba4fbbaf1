"""Layers with weights, pooling and normalisation."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.operators.elementwise import template
from modelport_plugins.pytorch.source import Source
from modelport_sdk import UnsupportedOperator


def _spatial(src: Source, node: Any, attrs: dict[str, Any]) -> tuple[list[int], ...]:
    """Return kernel, strides, dilations and pads; pads are empty with automatic padding."""
    kernel = list(attrs.get("kernel_shape", ()))
    if not kernel:
        weight = src.const(node.input[1])
        if weight is None:
            raise UnsupportedOperator(
                f"the kernel size of {node.op_type} is not known", operators=[node.op_type]
            )
        kernel = list(weight.shape[2:])
    count = len(kernel)
    strides = list(attrs.get("strides", [1] * count))
    dilations = list(attrs.get("dilations", [1] * count))
    automatic = attrs.get("auto_pad", "NOTSET") in {"SAME_UPPER", "SAME_LOWER"}
    valid = attrs.get("auto_pad") == "VALID"
    pads = (
        []
        if automatic
        else [0] * (2 * count)
        if valid
        else list(attrs.get("pads", [0] * (2 * count)))
    )
    return kernel, strides, dilations, pads


def _padded(x: str, attrs: dict[str, Any], spatial: tuple[list[int], ...], value: str) -> str:
    """Return ``x`` padded, where the layer itself cannot pad as asked."""
    kernel, strides, dilations, pads = spatial
    if not pads:
        upper = attrs["auto_pad"] == "SAME_UPPER"
        return f"pool.pad_same({x}, {kernel}, {strides}, {dilations}, {upper}, {value})"
    count = len(kernel)
    order = [pads[axis + side * count] for axis in reversed(range(count)) for side in (0, 1)]
    return f"torch.constant_pad_nd({x}, {order}, {value})"


def _symmetric(pads: list[int]) -> bool:
    half = len(pads) // 2
    return bool(pads) and pads[:half] == pads[half:] and min(pads) >= 0


def _conv(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    spatial = _spatial(src, node, attrs)
    kernel, strides, dilations, pads = spatial
    x, count = src.tensor(node.input[0]), len(kernel)
    inside = pads[:count]
    if not _symmetric(pads):
        x, inside = _padded(x, attrs, spatial, "0.0"), [0] * count
    operands = f"{x}, {src.tensor(node.input[1])}, {src.optional(node.input, 2)}"
    rest = f"{strides}, {inside}, {dilations}, {attrs.get('group', 1)}"
    src.set(node.output[0], f"torch.conv{count}d({operands}, {rest})")


def _conv_transpose(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kernel, strides, dilations, pads = _spatial(src, node, attrs)
    count = len(kernel)
    extra = list(attrs.get("output_padding", [0] * count))
    if "output_shape" in attrs or not pads:
        raise UnsupportedOperator(
            "ConvTranspose with a given output shape has no counterpart",
            operators=["ConvTranspose"],
        )
    operands = f"{src.tensor(node.input[0])}, {src.tensor(node.input[1])}, "
    operands += src.optional(node.input, 2)
    crop: list[int] = []
    if not _symmetric(pads):
        crop, pads = pads, [0] * (2 * count)
    rest = f"{strides}, {pads[:count]}, {extra}, {attrs.get('group', 1)}, {dilations}"
    text = f"torch.conv_transpose{count}d({operands}, {rest})"
    if crop:
        order = [-crop[axis + side * count] for axis in reversed(range(count)) for side in (0, 1)]
        text = f"torch.constant_pad_nd({text}, {order}, 0.0)"
    src.set(node.output[0], text)


def _max_pool(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if len(node.output) > 1 and node.output[1]:
        raise UnsupportedOperator("MaxPool with indices has no counterpart", operators=["MaxPool"])
    spatial = _spatial(src, node, attrs)
    kernel, strides, dilations, pads = spatial
    x, count, ceil = src.tensor(node.input[0]), len(kernel), bool(attrs.get("ceil_mode", 0))
    inside = pads[:count]
    # PyTorch pads by at most half a window, and the ceil mode of both agrees only then.
    if not _symmetric(pads) or any(2 * p > k for p, k in zip(inside, kernel, strict=True)):
        if ceil and pads:
            more = f"pool.room({x}, {kernel}, {strides}, {dilations}, {pads})"
            padded = _padded(x, attrs, spatial, 'float("-inf")')
            x = f'torch.constant_pad_nd({padded}, {more}, float("-inf"))'
        else:
            x = _padded(x, attrs, spatial, 'float("-inf")')
        inside, ceil = [0] * count, False
    rest = f"{kernel}, {strides}, {inside}, {dilations}, {ceil}"
    src.set(node.output[0], f"torch.max_pool{count}d({x}, {rest})")


def _average_pool(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    spatial = _spatial(src, node, attrs)
    kernel, strides, dilations, pads = spatial
    if set(dilations) != {1} or not pads:
        raise UnsupportedOperator(
            "AveragePool with dilations or automatic padding has no counterpart",
            operators=["AveragePool"],
        )
    x, count = src.tensor(node.input[0]), len(kernel)
    ceil, counted = bool(attrs.get("ceil_mode", 0)), bool(attrs.get("count_include_pad", 0))
    fits = _symmetric(pads) and all(2 * p <= k for p, k in zip(pads, kernel, strict=False))
    if fits and not ceil:
        function = f"torch.nn.functional.avg_pool{count}d"
        text = f"{function}({x}, {kernel}, {strides}, {pads[:count]}, {ceil}, {counted})"
    else:
        text = f"pool.average_padded({x}, {kernel}, {strides}, {pads}, {ceil}, {counted})"
    src.set(node.output[0], text)


def _lp_pool(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kernel, strides, dilations, _ = spatial = _spatial(src, node, attrs)
    if set(dilations) != {1} or attrs.get("ceil_mode"):
        raise UnsupportedOperator("LpPool with dilations has no counterpart", operators=["LpPool"])
    x = _padded(src.tensor(node.input[0]), attrs, spatial, "0.0")
    text = f"pool.lp_pool({x}, {kernel}, {strides}, {float(attrs.get('p', 2))})"
    src.set(node.output[0], text)


def _gemm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    a, b = src.tensor(node.input[0]), src.tensor(node.input[1])
    alpha, beta = attrs.get("alpha", 1.0), attrs.get("beta", 1.0)
    bias = src.optional(node.input, 2)
    constant = src.const(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    a = f"torch.t({a})" if attrs.get("transA") else a
    flat = bias == "None" or (constant is not None and constant.ndim == 1)
    if attrs.get("transB") and flat and alpha == beta == 1.0:
        src.set(node.output[0], f"torch.nn.functional.linear({a}, {b}, {bias})")
        return
    b = f"torch.t({b})" if attrs.get("transB") else b
    if bias == "None":
        text = f"torch.matmul({a}, {b}) * {alpha}" if alpha != 1.0 else f"torch.matmul({a}, {b})"
    else:
        text = f"torch.addmm({bias}, {a}, {b}, beta={beta}, alpha={alpha})"
    src.set(node.output[0], text)


def _batch_norm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if attrs.get("training_mode"):
        raise UnsupportedOperator(
            "BatchNormalization in training mode", operators=["BatchNormalization"]
        )
    x, scale, bias, mean, variance = (src.tensor(name) for name in node.input[:5])
    rest = f"{mean}, {variance}, False, 0.0, {attrs.get('epsilon', 1e-5)!r}, False"
    src.set(node.output[0], f"torch.batch_norm({x}, {scale}, {bias}, {rest})")


def _layer_norm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, scale, bias = (
        src.tensor(node.input[0]),
        src.tensor(node.input[1]),
        src.optional(node.input, 2),
    )
    if any(node.output[1:]):
        raise UnsupportedOperator(
            "LayerNormalization with several outputs", operators=["LayerNormalization"]
        )
    rest = f"{attrs.get('axis', -1)}, {attrs.get('epsilon', 1e-5)!r}"
    src.set(node.output[0], f"arithmetic.layer_norm({x}, {scale}, {bias}, {rest})")


def _group_norm(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, scale, bias = (src.tensor(name) for name in node.input)
    rest = f"{attrs['num_groups']}, {scale}, {bias}, {attrs.get('epsilon', 1e-5)!r}"
    src.set(node.output[0], f"arithmetic.group_norm({x}, {rest})")


def _lrn(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    values = [
        attrs["size"],
        attrs.get("alpha", 1e-4),
        attrs.get("beta", 0.75),
        attrs.get("bias", 1.0),
    ]
    rest = ", ".join(map(repr, values))
    src.set(node.output[0], f"arithmetic.local_response({src.tensor(node.input[0])}, {rest})")


def _softmax(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Softmax changed its meaning in opset 13: one axis since then, all from it on before."""
    x, log = src.tensor(node.input[0]), node.op_type == "LogSoftmax"
    if src.opset >= 13:
        function = "torch.log_softmax" if log else "torch.softmax"
        src.set(node.output[0], f"{function}({x}, {attrs.get('axis', -1)})")
    else:
        text = f"arithmetic.softmax_flat({x}, {attrs.get('axis', 1)}, {log})"
        src.set(node.output[0], text)


TABLE = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "LpPool": _lp_pool,
    "GlobalAveragePool": template("arithmetic.global_mean({0})"),
    "GlobalMaxPool": template("arithmetic.global_max({0})"),
    "Gemm": _gemm,
    "MatMul": template("torch.matmul({0}, {1})"),
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": template(
        "torch.instance_norm({0}, {1}, {2}, None, None, True, 0.0, {epsilon}, False)", epsilon=1e-5
    ),
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "LRN": _lrn,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Hardmax": template("arithmetic.hardmax({0}, {axis})", axis=-1),
    "LpNormalization": template(
        "{0} / torch.linalg.vector_norm({0}, {p}, [{axis}], keepdim=True)", p=2, axis=-1
    ),
}
