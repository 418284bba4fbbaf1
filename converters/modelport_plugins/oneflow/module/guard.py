"""Lets a model.py run only if it says nothing that modelport does not write itself.

The head must be ours to the letter. In ``__init__`` and ``forward`` every node of the syntax tree,
every function and every method must be on a list: no import, no loop, no name with an underscore,
nothing that opens a file. The sandbox stands behind it all the same.
"""

from __future__ import annotations

import ast
from typing import Any

from modelport_plugins.oneflow.module.template import CLASS, HEAD
from modelport_sdk import CorruptModel, UnsafeModel

NODES = (
    ast.Module, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Expr,
    ast.Return, ast.Call, ast.keyword, ast.Attribute, ast.Name, ast.Constant, ast.Tuple, ast.List,
    ast.Subscript, ast.Slice, ast.BinOp, ast.UnaryOp, ast.Compare, ast.operator, ast.unaryop,
    ast.cmpop, ast.Load, ast.Store,
)  # fmt: skip
KINDS = {
    "float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool",
}  # fmt: skip
T = KINDS | {
    "abs", "acos", "acosh", "amax", "amin", "argmax", "argmin", "asin", "asinh", "atan", "atanh",
    "cat", "ceil", "clamp", "cos", "cosh", "cumsum", "erf", "exp", "flip", "floor", "fmod",
    "gather", "index_select", "log", "log1p", "log_softmax", "logical_and", "logical_not",
    "logical_or", "logical_xor", "matmul", "maximum", "mean", "minimum", "pow", "prod",
    "reciprocal", "relu", "round", "scatter", "sigmoid", "sign", "sin", "sinh", "softmax", "sqrt",
    "sum", "tan", "tanh", "topk", "tril", "triu", "where", "zeros",
}  # fmt: skip
F = {
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "celu", "elu", "embedding", "gelu", "grid_sample", "hardswish", "interpolate",
    "leaky_relu", "max_pool1d", "max_pool2d", "max_pool3d", "mish", "pad", "selu", "softsign",
}  # fmt: skip
NN = {
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d",
    "ConvTranspose2d", "ConvTranspose3d", "LayerNorm", "Linear", "Module", "Parameter",
}  # fmt: skip
OWNERS = {"T": T, "F": F, "nn": NN}
METHODS = {
    "expand", "narrow", "permute", "repeat", "reshape", "shape", "to", "transpose",
    "register_buffer", "register_parameter",
}  # fmt: skip
HINT = "Convert the ONNX model again; a file that was edited by hand is not run here."


def ports(text: str) -> dict[str, list[tuple[str, str, str, list[int]]]]:
    """Return inputs and outputs of a model.py that may be run.

    Raises:
        UnsafeModel: It says something that modelport does not write; the first such word is named.
        CorruptModel: It is no Python.
    """
    if not text.startswith(HEAD + CLASS):
        raise UnsafeModel("the head of this model.py is not the one that was written", hint=HINT)
    try:
        tree = ast.parse(text[len(HEAD) :])
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise CorruptModel("model.py is no Python", hint=HINT) from exc
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    kinds = [type(one).__name__ for one in body]
    if len(tree.body) != 1 or kinds != ["Expr", "Assign", "Assign", "FunctionDef", "FunctionDef"]:
        raise UnsafeModel("this model.py has other parts than those that were written", hint=HINT)
    for node in ast.walk(tree):
        _check(node)
    found = {}
    for key, one in zip(("inputs", "outputs"), body[1:3]):
        try:
            found[key] = [_port(entry) for entry in ast.literal_eval(one.value)]  # type: ignore[attr-defined]
        except (ValueError, TypeError) as exc:
            raise CorruptModel(f"the {key} of model.py cannot be read", hint=HINT) from exc
    return found


def _port(entry: Any) -> tuple[str, str, str, list[int]]:
    source, name, kind, shape = entry
    return str(source), str(name), str(kind), [int(size) for size in shape]


def _check(node: ast.AST) -> None:
    if not isinstance(node, NODES):
        raise UnsafeModel(f"this model.py has a {type(node).__name__}", hint=HINT)
    if isinstance(node, ast.FunctionDef) and (node.decorator_list or _defaults(node.args)):
        raise UnsafeModel("this model.py has a decorator or a default", hint=HINT)
    if isinstance(node, ast.ClassDef) and (node.decorator_list or node.keywords):
        raise UnsafeModel("this model.py has a decorator", hint=HINT)
    if isinstance(node, ast.Name) and node.id.startswith("_"):
        raise UnsafeModel(f"this model.py says {node.id}", hint=HINT)
    if isinstance(node, ast.Attribute):
        _check_attribute(node)
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Name) and called.id not in {"float", "super"}:
        raise UnsafeModel(f"this model.py calls {called.id}", hint=HINT)


def _defaults(arguments: ast.arguments) -> bool:
    given = arguments.defaults or arguments.kw_defaults or arguments.vararg or arguments.kwarg
    return bool(given)


def _check_attribute(node: ast.Attribute) -> None:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if owner in OWNERS:
        fine = node.attr in OWNERS[owner]
    elif owner == "self":
        fine = not node.attr.startswith("_")
    elif isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()":
        fine = node.attr == "__init__"
    else:
        fine = node.attr in METHODS
    if not fine:
        raise UnsafeModel(f"this model.py says {ast.unparse(node)[:80]}", hint=HINT)
