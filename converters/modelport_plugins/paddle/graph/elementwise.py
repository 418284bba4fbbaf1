"""Arithmetic, activations and comparisons."""

from __future__ import annotations

from functools import reduce
from typing import Any

from modelport_plugins.paddle.graph.builder import known
from modelport_sdk import UnsupportedFeature

NARROW = {"uint8", "int8", "int16", "float16", "bool"}  # types that few kernels take


def _unary(name: str, **defaults: tuple[str, Any]) -> Any:
    """Return an entry that calls ``name``; ``defaults`` has ONNX's attribute and its default."""

    def emit(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
        owner = g.F if name.startswith("F.") else g.p
        given = {key: attrs.get(theirs, value) for key, (theirs, value) in defaults.items()}
        return getattr(owner, name.removeprefix("F."))(g.tensor(node.input[0]), **given)

    return emit


def _binary(name: str) -> Any:
    def emit(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
        return getattr(g.p, name)(*map(g.tensor, node.input))

    return emit


def _chain(name: str) -> Any:
    def emit(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
        return reduce(getattr(g.p, name), map(g.tensor, node.input))

    return emit


def _same(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.assign(g.tensor(node.input[0]))


def _average(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return _chain("add")(g, node, attrs) / float(len(node.input))


def _divide(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    """Divide; integers are cut towards zero, as ONNX has it."""
    left, right = map(g.tensor, node.input)
    if g.kind(left).startswith("float"):
        return g.p.divide(left, right)
    parts = [g.p.abs(one) for one in (left, right)]
    cut = g.p.floor_divide(*parts)
    signs = [g.p.less_than(one, g.p.zeros_like(one)) for one in (left, right)]
    return g.p.where(g.p.logical_xor(*signs), g.p.zeros_like(cut) - cut, cut)


def _power(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    left, right = node.input
    held = g.held.get(right)
    if held is not None and held.size == 1 and left not in g.held:
        exponent = held.reshape(-1)[0].item()
        base = g.tensor(left)
        square = exponent == 2  # exact, where a power is not
        made = g.p.multiply(base, base) if square else g.p.pow(base, float(exponent))
        more = held.ndim - len(base.shape)
        return g.reshape(made, [1] * more + g.sizes(base)) if more > 0 else made
    base = g.tensor(left)
    return g.p.pow(base, g.p.cast(g.tensor(right), g.kind(base)))


def _mod(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    left, right = map(g.tensor, node.input)
    if not attrs.get("fmod"):
        return g.p.remainder(left, right)
    return left - g.p.trunc(g.p.divide(left, right)) * right


def _round(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    """Round, halves to the even neighbour: Paddle's own rounds them away from zero."""
    x = g.tensor(node.input[0])
    low = g.p.floor(x)
    rest = x - low
    one, nought = g.p.ones_like(x), g.p.zeros_like(x)
    odd = low - 2.0 * g.p.floor(low * 0.5)
    half = g.p.full_like(x, 0.5)
    tie = g.p.where(g.p.equal(rest, half), odd, nought)
    return low + g.p.where(g.p.greater_than(rest, half), one, tie)


def _negative(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    return g.p.scale(x, -1.0) if g.kind(x).startswith("float") else g.p.zeros_like(x) - x


def _where(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    test, left, right = map(g.tensor, node.input)
    kind = g.kind(left)
    if kind in NARROW:
        left, right = (g.p.cast(one, "int32") for one in (left, right))
    made = g.p.where(test, left, right)
    return g.p.cast(made, kind) if kind in NARROW else made


def _clip(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    bounds = [attrs.get("min"), attrs.get("max")]
    for place in (1, 2):
        name = node.input[place] if len(node.input) > place else ""
        if name:
            held = g.held.get(name)
            bounds[place - 1] = held.reshape(-1)[0].item() if held is not None else g.tensor(name)
    low, high = bounds
    numbers = [one is None or isinstance(one, (int, float)) for one in bounds]
    if all(numbers):
        plain = low is None and high is None
        return g.p.assign(x) if plain else g.p.clip(x, low, high)
    low, high = (g.p.full_like(x, b) if n and b is not None else b for b, n in zip(bounds, numbers))
    made = x if low is None else g.p.maximum(x, low)
    return made if high is None else g.p.minimum(made, high)


def _cast(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    from onnx import helper

    x = g.tensor(node.input[0])
    kind = known(helper.tensor_dtype_to_np_dtype(attrs["to"]).name)
    if kind == "bool" and g.kind(x) != "bool":
        return g.p.not_equal(x, g.p.zeros_like(x))
    return g.p.cast(x, kind)


def _cast_like(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.cast(g.tensor(node.input[0]), g.kind(g.tensor(node.input[1])))


def _prelu(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, slope = map(g.tensor, node.input)
    return g.F.relu(x) - slope * g.F.relu(g.p.scale(x, -1.0))


def _gelu(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.F.gelu(g.tensor(node.input[0]), approximate=attrs.get("approximate") == "tanh")


def _shrink(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x, width, bias = g.tensor(node.input[0]), attrs.get("lambd", 0.5), attrs.get("bias", 0.0)
    nought = g.p.zeros_like(x)
    above = g.p.where(g.p.greater_than(x, g.p.full_like(x, width)), x - bias, nought)
    return g.p.where(g.p.less_than(x, g.p.full_like(x, -width)), x + bias, above)


def _softmax(name: str) -> Any:
    def emit(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
        return getattr(g.F, name)(g.tensor(node.input[0]), axis=attrs.get("axis", -1))

    return emit


def _einsum(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    return g.p.einsum(attrs["equation"], *map(g.tensor, node.input))


def _infinite(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    if not attrs.get("detect_negative", 1) or not attrs.get("detect_positive", 1):
        raise UnsupportedFeature("IsInf of one sign is not written")
    return g.p.isinf(g.tensor(node.input[0]))


PLAIN = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp",
    "floor", "log", "reciprocal", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
)  # fmt: skip

TABLE: dict[str, Any] = {
    **{name.capitalize(): _unary(name) for name in PLAIN},
    **dict.fromkeys(("Identity", "Dropout"), _same),
    "Relu": _unary("F.relu"),
    "Sigmoid": _unary("F.sigmoid"),
    "Softplus": _unary("F.softplus"),
    "Softsign": _unary("F.softsign"),
    "HardSwish": _unary("F.hardswish"),
    "Mish": _unary("F.mish"),
    "HardSigmoid": _unary("F.hardsigmoid", slope=("alpha", 0.2), offset=("beta", 0.5)),
    "Elu": _unary("F.elu", alpha=("alpha", 1.0)),
    "Celu": _unary("F.celu", alpha=("alpha", 1.0)),
    "Selu": _unary(
        "F.selu", scale=("gamma", 1.0507009873554805), alpha=("alpha", 1.6732632423543772)
    ),
    "LeakyRelu": _unary("F.leaky_relu", negative_slope=("alpha", 0.01)),
    "ThresholdedRelu": _unary("F.thresholded_relu", threshold=("alpha", 1.0)),
    "Not": _unary("logical_not"),
    "IsNaN": _unary("isnan"),
    "IsInf": _infinite,
    "Neg": _negative,
    "Round": _round,
    "Gelu": _gelu,
    "PRelu": _prelu,
    "Shrink": _shrink,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Add": _binary("add"),
    "Sub": _binary("subtract"),
    "Mul": _binary("multiply"),
    "Div": _divide,
    "Pow": _power,
    "Mod": _mod,
    "Sum": _chain("add"),
    "Mean": _average,
    "Max": _chain("maximum"),
    "Min": _chain("minimum"),
    "Greater": _binary("greater_than"),
    "GreaterOrEqual": _binary("greater_equal"),
    "Less": _binary("less_than"),
    "LessOrEqual": _binary("less_equal"),
    "Equal": _binary("equal"),
    "And": _binary("logical_and"),
    "Or": _binary("logical_or"),
    "Xor": _binary("logical_xor"),
    "Where": _where,
    "Clip": _clip,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Einsum": _einsum,
}
