"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelport_plugins.pytorch.source import Source, dtype
from modelport_sdk import UnsupportedOperator

Emit = Callable[[Source, Any, dict[str, Any]], None]
FUNCTIONAL = "torch.nn.functional"


def template(text: str, **defaults: Any) -> Emit:
    """Return an emitter that fills tensors ``{0}``, ``{1}``, ... and attributes into ``text``."""

    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        operands = [src.tensor(name) for name in node.input if name]
        src.set(node.output[0], text.format(*operands, **{**defaults, **attrs}))

    return emit


def _variadic(text: str) -> Emit:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        total = src.tensor(node.input[0])
        for name in node.input[1:]:
            total = text.format(total, src.tensor(name))
        src.set(node.output[0], total)

    return emit


def _mean(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    total = " + ".join(src.tensor(name) for name in node.input)
    src.set(node.output[0], f"({total}) / {len(node.input)}")


def _mod(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    function = "torch.fmod" if attrs.get("fmod") else "torch.remainder"
    src.set(node.output[0], f"{function}({src.tensor(node.input[0])}, {src.tensor(node.input[1])})")


def _clip(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    bounds: list[str] = []
    for place, name in ((1, "min"), (2, "max")):
        given = node.input[place] if place < len(node.input) else ""
        constant = src.const(given) if given else attrs.get(name)
        if given and constant is None:
            low, high = src.optional(node.input, 1), src.optional(node.input, 2)
            src.set(node.output[0], f"arithmetic.clip({x}, {low}, {high})")
            return
        bounds.append("None" if constant is None else number(constant))
    text = x if bounds == ["None", "None"] else f"torch.clamp({x}, {bounds[0]}, {bounds[1]})"
    src.set(node.output[0], text)


def number(value: Any) -> str:
    """Return a number as source text, infinities included."""
    value = value.item() if hasattr(value, "item") else value
    return f'float("{value}")' if value != value or value in FAR else repr(value)  # noqa: PLR0124  # NaN


FAR = (float("inf"), float("-inf"))


def _gelu(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kind = attrs.get("approximate", "none")
    x = src.tensor(node.input[0])
    src.set(node.output[0], f'{FUNCTIONAL}.gelu({x}, approximate="{kind}")')


def _cast(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    target = dtype(attrs["to"])
    src.set(node.output[0], f"{src.tensor(node.input[0])}.to({target})")


def _cast_like(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.set(node.output[0], f"{src.tensor(node.input[0])}.to({src.tensor(node.input[1])}.dtype)")


def _identity(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.values[node.output[0]] = src.values[node.input[0]]


def _dropout(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    """Pass on: results run in evaluation mode."""
    training = src.const(node.input[2]) if len(node.input) > 2 and node.input[2] else False
    if training is None or bool(training):
        raise UnsupportedOperator("Dropout in training mode is random", operators=["Dropout"])
    src.values[node.output[0]] = src.values[node.input[0]]
    if len(node.output) > 1 and node.output[1]:
        x = src.tensor(node.input[0])
        src.set(node.output[1], f"torch.ones_like({x}, dtype=torch.bool)")


def _einsum(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    operands = ", ".join(src.tensor(name) for name in node.input)
    equation = attrs["equation"].replace(" ", "")
    src.set(node.output[0], f"torch.einsum({equation!r}, [{operands}])")


def _cumsum(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    flags = f"{bool(attrs.get('exclusive'))}, {bool(attrs.get('reverse'))}"
    x, axis = src.tensor(node.input[0]), src.int(node.input[1])
    src.set(node.output[0], f"arithmetic.cumulative({x}, {axis}, {flags})")


def _trilu(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    k = src.int(node.input[1]) if len(node.input) > 1 and node.input[1] else "0"
    function = "triu" if attrs.get("upper", 1) else "tril"
    src.set(node.output[0], f"torch.{function}({src.tensor(node.input[0])}, {k})")


def _shift(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    side = "left" if attrs["direction"] == "LEFT" else "right"
    operands = f"{src.tensor(node.input[0])}, {src.tensor(node.input[1])}"
    src.set(node.output[0], f"torch.bitwise_{side}_shift({operands})")


def _is_inf(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    signs = (attrs.get("detect_negative", 1), attrs.get("detect_positive", 1))
    function = {(1, 1): "isinf", (1, 0): "isneginf", (0, 1): "isposinf"}.get(signs)
    x = src.tensor(node.input[0])
    text = f"torch.{function}({x})" if function else f"torch.zeros_like({x}, dtype=torch.bool)"
    src.set(node.output[0], text)


TABLE: dict[str, Emit] = {
    **{
        name: template(f"torch.{name.lower()}({{0}})")
        for name in (
            *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh"),
            *("Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid"),
            *("Sign", "Sin", "Sinh", "Sqrt", "Tan", "Tanh", "IsNaN"),
        )
    },
    "Add": template("{0} + {1}"),
    "Sub": template("{0} - {1}"),
    "Mul": template("{0} * {1}"),
    "Div": template("arithmetic.divide({0}, {1})"),
    "Pow": template("arithmetic.power({0}, {1})"),
    "And": template("torch.logical_and({0}, {1})"),
    "Or": template("torch.logical_or({0}, {1})"),
    "Xor": template("torch.logical_xor({0}, {1})"),
    "Not": template("torch.logical_not({0})"),
    "BitwiseAnd": template("torch.bitwise_and({0}, {1})"),
    "BitwiseOr": template("torch.bitwise_or({0}, {1})"),
    "BitwiseXor": template("torch.bitwise_xor({0}, {1})"),
    "BitwiseNot": template("torch.bitwise_not({0})"),
    "BitShift": _shift,
    "Equal": template("torch.eq({0}, {1})"),
    "Greater": template("torch.gt({0}, {1})"),
    "GreaterOrEqual": template("torch.ge({0}, {1})"),
    "Less": template("torch.lt({0}, {1})"),
    "LessOrEqual": template("torch.le({0}, {1})"),
    "Where": template("torch.where({0}, {1}, {2})"),
    "Max": _variadic("torch.maximum({0}, {1})"),
    "Min": _variadic("torch.minimum({0}, {1})"),
    "Sum": _variadic("{0} + {1}"),
    "Mean": _mean,
    "Mod": _mod,
    "Clip": _clip,
    "IsInf": _is_inf,
    "LeakyRelu": template("torch.nn.functional.leaky_relu({0}, {alpha})", alpha=0.01),
    "PRelu": template("arithmetic.prelu({0}, {1})"),
    "Elu": template("torch.nn.functional.elu({0}, {alpha})", alpha=1.0),
    "Celu": template("torch.nn.functional.celu({0}, {alpha})", alpha=1.0),
    "Selu": template(
        "torch.where({0} > 0, {0}, torch.expm1({0}) * {alpha}) * {gamma}",
        alpha=1.67326319217681884765625,
        gamma=1.05070102214813232421875,
    ),
    "HardSigmoid": template("torch.clamp({0} * {alpha} + {beta}, 0.0, 1.0)", alpha=0.2, beta=0.5),
    "HardSwish": template("torch.nn.functional.hardswish({0})"),
    "ThresholdedRelu": template("torch.where({0} > {alpha}, {0}, 0.0)", alpha=1.0),
    "Softplus": template("torch.nn.functional.softplus({0})"),
    "Softsign": template("{0} / (1 + torch.abs({0}))"),
    "Mish": template("torch.nn.functional.mish({0})"),
    "Swish": template("{0} * torch.sigmoid({0} * {alpha})", alpha=1.0),
    "Gelu": _gelu,
    "Shrink": template(
        "torch.where({0} < -{lambd}, {0} + {bias}, torch.where({0} > {lambd}, {0} - {bias}, 0.0))",
        lambd=0.5,
        bias=0.0,
    ),
    "Cast": _cast,
    "CastLike": _cast_like,
    "Identity": _identity,
    "Dropout": _dropout,
    "Einsum": _einsum,
    "CumSum": _cumsum,
    "Trilu": _trilu,
    "Det": template("torch.linalg.det({0})"),
}
