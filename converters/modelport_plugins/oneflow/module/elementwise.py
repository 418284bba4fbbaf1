"""Arithmetic, activations and comparisons."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.module.source import Source, literal
from modelport_sdk import UnsupportedFeature


def _call(template: str, **defaults: Any) -> Any:
    """Return an entry that fills ``{0}`` with the input and ``{name}`` with attributes."""

    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        given = {name: literal(attrs.get(name, value)) for name, value in defaults.items()}
        src.set(node.output[0], template.format(src.tensor(node.input[0]), **given))

    return emit


def _infix(sign: str) -> Any:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        left, right = node.input
        both = all(name in src.held and name not in src.names for name in (left, right))
        texts = (
            [src.tensor(left), src.tensor(right)] if both else list(map(src.operand, (left, right)))
        )
        src.set(node.output[0], f"{texts[0]} {sign} {texts[1]}")

    return emit


def _divide(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    if not src.kinds.get(node.input[0], "float32").startswith("float"):
        raise UnsupportedFeature("Div of integers, which ONNX truncates, is not written")
    _infix("/")(src, node, attrs)


def _power(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.set(node.output[0], f"T.pow({src.tensor(node.input[0])}, {src.operand(node.input[1])})")


def _chain(template: str) -> Any:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        text = src.tensor(node.input[0])
        for name in node.input[1:]:
            text = template.format(text, src.tensor(name))
        src.set(node.output[0], text)

    return emit


def _joined(function: str) -> Any:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        left, right = map(src.tensor, node.input)
        src.set(node.output[0], f"T.{function}({left}, {right})")

    return emit


def _where(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    src.set(node.output[0], f"T.where({', '.join(map(src.tensor, node.input))})")


def _clip(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    bounds = {"min": attrs.get("min"), "max": attrs.get("max")}
    for place, key in ((1, "min"), (2, "max")):
        if len(node.input) > place and node.input[place]:
            bounds[key] = src.value(node.input[place]).reshape(-1)[0].item()
    given = ", ".join(f"{key}={literal(v)}" for key, v in bounds.items() if v is not None)
    text = src.tensor(node.input[0])
    src.set(node.output[0], f"T.clamp({text}, {given})" if given else text)


def _cast(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    from onnx import helper

    kind = helper.tensor_dtype_to_np_dtype(attrs["to"]).name
    src.set(node.output[0], f"{src.tensor(node.input[0])}.to(T.{kind})")


def _prelu(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, slope = map(src.tensor, node.input)
    src.set(node.output[0], f"T.relu({x}) - {slope} * T.relu(-{x})")


def _gelu(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x = src.tensor(node.input[0])
    if attrs.get("approximate", b"none") in {b"tanh", "tanh"}:
        inner = f"T.tanh(0.7978845608028654 * ({x} + 0.044715 * {x} * {x} * {x}))"
        src.set(node.output[0], f"0.5 * {x} * (1.0 + {inner})")
    else:
        src.set(node.output[0], f"F.gelu({x})")


def _mod(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    left, right = src.tensor(node.input[0]), src.operand(node.input[1])
    if attrs.get("fmod"):
        src.set(node.output[0], f"T.fmod({left}, {right})")
    else:
        src.set(node.output[0], f"{left} - T.floor({left} / {right}) * {right}")


def _shrink(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    x, width, bias = src.tensor(node.input[0]), attrs.get("lambd", 0.5), attrs.get("bias", 0.0)
    if bias == width:
        src.set(node.output[0], f"{x} - T.clamp({x}, min={-width!r}, max={width!r})")
    elif bias == 0.0:
        src.set(node.output[0], f"{x} * (T.abs({x}) > {width!r}).to(T.{src.kinds[node.input[0]]})")
    else:
        raise UnsupportedFeature("Shrink with a bias of its own is not written")


def _softmax(function: str) -> Any:
    def emit(src: Source, node: Any, attrs: dict[str, Any]) -> None:
        src.set(
            node.output[0], f"{function}({src.tensor(node.input[0])}, dim={attrs.get('axis', -1)})"
        )

    return emit


SAME = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp",
    "floor", "log", "reciprocal", "round", "relu", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan",
    "tanh",
)  # fmt: skip

TABLE: dict[str, Any] = {
    **{name.capitalize(): _call(f"T.{name}({{0}})") for name in SAME},
    "Neg": _call("-{0}"),
    "Not": _call("T.logical_not({0})"),
    "Identity": _call("{0}"),
    "Dropout": _call("{0}"),
    "Softplus": _call("T.relu({0}) + T.log1p(T.exp(-T.abs({0})))"),
    "Softsign": _call("F.softsign({0})"),
    "HardSwish": _call("F.hardswish({0})"),
    "HardSigmoid": _call("T.clamp({0} * {alpha} + {beta}, min=0.0, max=1.0)", alpha=0.2, beta=0.5),
    "Elu": _call("F.elu({0}, {alpha})", alpha=1.0),
    "Celu": _call("F.celu({0}, alpha={alpha})", alpha=1.0),
    "Selu": _call("F.selu({0})"),
    "LeakyRelu": _call("F.leaky_relu({0}, {alpha})", alpha=0.01),
    "Mish": _call("F.mish({0})"),
    "Gelu": _gelu,
    "PRelu": _prelu,
    "Shrink": _shrink,
    "Softmax": _softmax("T.softmax"),
    "LogSoftmax": _softmax("T.log_softmax"),
    "Add": _infix("+"),
    "Sub": _infix("-"),
    "Mul": _infix("*"),
    "Div": _divide,
    "Pow": _power,
    "Mod": _mod,
    "Sum": _chain("{} + {}"),
    "Max": _chain("T.maximum({}, {})"),
    "Min": _chain("T.minimum({}, {})"),
    "Greater": _infix(">"),
    "GreaterOrEqual": _infix(">="),
    "Less": _infix("<"),
    "LessOrEqual": _infix("<="),
    "Equal": _infix("=="),
    "And": _joined("logical_and"),
    "Or": _joined("logical_or"),
    "Xor": _joined("logical_xor"),
    "Where": _where,
    "Clip": _clip,
    "Cast": _cast,
}
