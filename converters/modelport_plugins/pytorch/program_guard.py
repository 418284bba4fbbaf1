"""Looks into a .pt2 archive before PyTorch does, because ``torch.export.load`` runs code.

PyTorch 2.13 unpickles sample inputs with a silent fall-back to a full load, unpickles
weights marked ``use_pickle`` and constants called ``opaque_obj...``, hands ``expr_str`` to
``sympy.sympify`` (which evaluates it), and resolves call targets by walking attributes from
``torch``. It takes members by their folder, whatever their suffix, and reads them without
regard to case; so members are judged here by folder, in lower case, each name once.
Sources: ``torch/export/pt2_archive/_package.py``, ``torch/_export/serde/serialize.py``.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.pickle_globals import walk
from modelport_plugins.pytorch.pickle_verdict import harmless, member
from modelport_sdk import CorruptModel, UnsafeModel

HINT = "Do not load it; export the model again from its own code with torch.export.save."
# Classes of torch/utils/_sympy/functions.py and sympy's arithmetic, nothing that evaluates text.
CALLS = re.compile(
    r"""\A(?:
    Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Abs|Mod|PythonMod|CleanDiv|CeilDiv
    |CeilToInt|FloorDiv|FloorToInt|IntTrueDiv|FloatTrueDiv|ToFloat|TruncToInt|TruncToFloat
    |RoundToInt|ModularIndexing|LShift|RShift|PowByNatural|FloatPow|Where|Eq|Ne|Lt|Le|Gt|Ge
    |And|Or|Not|Equality|Unequality|StrictLessThan|LessThan|StrictGreaterThan|GreaterThan
    |BooleanTrue|BooleanFalse|floor|ceiling|Identity|OpaqueUnaryFn_sqrt
    )\Z""",
    re.VERBOSE,
)
# sympify computes what it reads: 9**9**9 has 370 million digits.
NUMBERS = frozenset({"Integer", "Rational", "Float"})  # Max(2, 10**9) is no small exponent
GROWING = frozenset({"Pow", "PowByNatural", "FloatPow", "LShift"})
EXPONENT, LARGEST = 64, 1 << 64
SYMBOL = re.compile(r"\A[a-z]{1,12}_?\d{0,9}\Z")
NAMES = re.compile(r"\A(?:true|false|True|False|int_oo|oo)\Z")
LEAVES = (ast.Constant, ast.Load, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.keyword)
TARGET = re.compile(
    r"\A(?:torch\.ops\.(?:aten|prims|prim|quantized|quantized_decomposed|torchvision|higher_order)"
    r"\.\w+(?:\.\w+)?|_operator\.\w+|math\.\w+|torch\.(?:sym_\w+|_sym_\w+)"
    r"|torch\._higher_order_ops\.(\w+)\.\1(?:_op|_impl)?)\Z"
)
OPERATORS = re.compile(
    r"""\A(?:
    add|sub|mul|floordiv|truediv|mod|pow|neg|pos|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem
    |index|xor|lshift|rshift|abs|invert
    )\Z""",
    re.VERBOSE,
)
FILES = re.compile(r"\b(?:from_file|save)\b")  # aten::from_file maps any file
TREES = frozenset(
    {
        *("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"),
        "torch.fx.immutable_collections.immutable_list",
        "torch.fx.immutable_collections.immutable_dict",
    }
)


def check_program(path: Path) -> None:
    """Return if nothing in the archive runs code when PyTorch loads it.

    Raises:
        UnsafeModel: Something does, or may.
        CorruptModel: The archive or a JSON member cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [info for info in archive.infolist() if not info.is_dir()]
            names = {info.filename.lower() for info in listed}
            if len(names) < len(listed):
                raise CorruptModel("the archive holds two members of one name")
            graphs = [_check_member(archive, info) for info in listed]
    except zipfile.BadZipFile as exc:
        raise CorruptModel("the archive is broken", hint="Transfer the file again.") from exc
    if not any(graphs):
        raise CorruptModel("the archive holds no exported graph")


# Folders and files of torch/csrc/export/pt2_archive_constants.h, and the files of PyTorch 2.7.
JSON = re.compile(r"(?:\A|/)models/|\.json\Z")
PICKLES = re.compile(r"(?:\A|/)data/sample_inputs/|custom_obj|\.(?:pt|pth|pkl|pickle)\Z")
CODE = re.compile(r"(?:\A|/)data/aotinductor/|\.(?:so|cubin|pyd|dll|dylib)\Z")


def _check_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Return whether the member is a graph."""
    name = info.filename.lower()
    if CODE.search(name):
        raise UnsafeModel("the archive holds machine code", hint=HINT)
    if "opaque_obj" in name:
        raise UnsafeModel("the archive holds pickled objects", hint=HINT)
    if PICKLES.search(name):
        check_pickle(member(archive, info), Path(name).name)
    elif JSON.search(name):
        try:
            tree = json.loads(member(archive, info))
        except (ValueError, RecursionError) as exc:
            raise CorruptModel("a JSON member of the archive is broken") from exc
        check_json(tree)
        return "graph_module" in tree if isinstance(tree, dict) else False
    return False


def check_pickle(data: bytes, name: str) -> None:
    """Return if a pickle inside the archive asks for harmless names only."""
    pickles = [data]
    if data[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as inner:
                pickles = [member(inner, i) for i in inner.infolist() if i.filename.endswith("pkl")]
        except zipfile.BadZipFile as exc:
            raise CorruptModel(f"archive member {name!r} is broken") from exc
    for pickle in pickles:
        seen = walk(pickle)
        bad = [asked for asked in seen.names if not harmless(asked)]
        if bad or seen.broken:
            said = f"would run {bad[0]}" if bad else "holds a pickle that cannot be read safely"
            raise UnsafeModel(f"archive member {name!r} {said}"[:300], hint=HINT)


def check_json(tree: Any) -> None:
    """Return if no value in the JSON tree is one that PyTorch would execute."""
    for key, value in _pairs(tree):
        if key == "use_pickle" and value:
            raise UnsafeModel("weights are stored as pickles", hint=HINT)
        if key == "path_name" and "opaque_obj" in str(value).lower():
            raise UnsafeModel("constants are stored as pickles", hint=HINT)
        if key == "expr_str" and not sober(str(value)):
            raise UnsafeModel("a symbolic size holds something other than arithmetic", hint=HINT)
        if key == "target" and isinstance(value, str) and not allowed_target(value):
            raise UnsafeModel(f"the graph calls {value[:80]}", hint=HINT)
        if key in {"in_spec", "out_spec"} and isinstance(value, str):
            _check_spec(value)


def _pairs(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth, without recursion."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield from item.items()
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def allowed_target(target: str) -> bool:
    """Return whether a call target is an operator, and no function of the Python library."""
    if FILES.search(target):
        return False
    if "__" in target or TARGET.match(target) is None:
        # Parameters and lifted constants are "target" too: plain dotted names of this model.
        return re.fullmatch(r"[\w.]*", target) is not None and not target.startswith(
            ("torch", "_operator", "math", "#")
        )
    return not target.startswith("_operator.") or OPERATORS.match(target.split(".")[1]) is not None


def sober(expression: str) -> bool:
    """Return whether a symbolic size is arithmetic over symbols, and no Python beyond that."""
    if len(expression) > 4096:
        return False
    try:
        tree = ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return all(_plain(node) and _tame(node) for node in ast.walk(tree))


def _tame(node: ast.AST) -> bool:
    """Return whether a power or shift is by a small plain number, and of no other power."""
    parts = _power(node)
    if parts is None:
        return True
    base, exponent = parts
    return _small(exponent) and not any(_power(inner) for inner in ast.walk(base))


def _small(node: ast.AST) -> bool:
    """Return whether ``node`` is a plain number up to EXPONENT, ``Rational(1, 2)`` included."""
    if isinstance(node, ast.UnaryOp):
        return _small(node.operand)
    if isinstance(node, ast.Call):
        number = isinstance(node.func, ast.Name) and node.func.id in NUMBERS
        return number and bool(node.args) and all(map(_small, node.args))
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and abs(node.value) <= EXPONENT
    )


def _power(node: ast.AST) -> tuple[ast.AST, Any] | None:
    """Return base and exponent, or what is shifted and how far; None where it is neither."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.LShift):
        return node.left, node.right
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if named and node.func.id in GROWING and len(node.args) == 2:
        return node.args[0], node.args[1]
    return None


def _plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        known = isinstance(node.func, ast.Name) and CALLS.match(node.func.id) is not None
        return known and bool(node.args)
    if isinstance(node, ast.Name):
        return any(known.match(node.id) for known in (CALLS, NAMES, SYMBOL))
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return SYMBOL.match(node.value) is not None
        return isinstance(node.value, int | float) and abs(node.value) <= LARGEST
    if isinstance(node, ast.keyword):
        return node.arg in {"positive", "integer", "nonnegative", "real", "finite", "evaluate"}
    return isinstance(
        node, (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, *LEAVES)
    )


def _check_spec(text: str) -> None:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise CorruptModel("the structure of inputs or outputs is broken") from exc
    for key, value in _pairs(tree):
        if key == "type" and value is not None and value not in TREES:
            raise UnsafeModel(f"inputs or outputs are of class {str(value)[:80]}", hint=HINT)
