"""Reads a PIR program: JSON whose regions hold blocks, whose blocks hold operators.

Source: Paddle 3.3, ``paddle/fluid/pir/serialize_deserialize/include/schema.h``: ``"p"`` is a
parameter with its name fourth in ``A``, ``"1.conv2d"`` an operator of dialect 1 (``pd_op``);
a type is ``t_dtensor`` with element type, sizes and layout.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelport_plugins.paddle.description import Description, Variable
from modelport_sdk import CorruptModel

ELEMENTS = {
    "t_bool": "bool",
    "t_i8": "int8",
    "t_ui8": "uint8",
    "t_i16": "int16",
    "t_i32": "int32",
    "t_i64": "int64",
    "t_f16": "float16",
    "t_bf16": "uint16",
    "t_f32": "float32",
    "t_f64": "float64",
}
PARAMETER = ("p", "parameter")
INPUTS = ("data", "feed")


def read(source: Path) -> Any:
    """Return the program as it stands in the file.

    Raises:
        CorruptModel: It is no JSON, or not that of a program.
    """
    try:
        found = json.loads(source.read_bytes())
        found["program"]["regions"][0]["blocks"][0]["ops"]
    except (ValueError, LookupError, TypeError, RecursionError) as exc:
        raise CorruptModel(
            "the program is no whole PIR file", hint="Transfer the .json again."
        ) from exc
    return found


def describe(program: Any) -> Description:
    """Return what is in a program.

    Raises:
        CorruptModel: It is put together in a way that Paddle does not write.
    """
    try:
        block = program["program"]["regions"][0]["blocks"][0]["ops"]
        counts = Counter(kind(one) for one in operations(program["program"]))
        inputs = [_variable(_attribute(one, "name"), one) for one in block if kind(one) in INPUTS]
        fetched = [one for one in block if kind(one) == "fetch"]
        fetched.sort(key=lambda one: int(_attribute(one, "col")))
        outputs = [_variable(_attribute(one, "name"), one) for one in fetched]
        weights = [_variable(_parameter(one), one) for one in block if kind(one) in PARAMETER]
        version = str(program["base_code"].get("version", ""))
    except (LookupError, TypeError, ValueError, AttributeError) as exc:
        raise CorruptModel("the program is written in a way that Paddle does not use") from exc
    for name in PARAMETER:
        counts.pop(name, None)
    said = f"(PIR version {version})"
    return Description(tuple(inputs), tuple(outputs), counts, tuple(weights), said)


def kind(operation: Any) -> str:
    """Return ``"conv2d"`` of ``"1.conv2d"``."""
    return str(operation["#"]).partition(".")[2] or str(operation["#"])


def operations(part: Any) -> Iterator[Any]:
    """Yield every operator, those of inner regions too."""
    for region in part.get("regions", ()):
        for block in region["blocks"]:
            for operation in block["ops"]:
                yield operation
                yield from operations(operation)


def _attribute(operation: Any, name: str) -> Any:
    for one in operation["A"]:
        if one["N"] == name:
            return one["AT"]["D"]
    raise LookupError(name)


def _parameter(operation: Any) -> str:
    if operation["#"] == "p":
        return str(operation["A"][3])
    return str(_attribute(operation, "parameter_name"))


def _variable(name: Any, operation: Any) -> Variable:
    made = operation["O"]
    (result,) = made if isinstance(made, list) else [made]
    element, sizes = result["TT"]["D"][:2]
    shape = tuple(None if int(size) < 0 else int(size) for size in sizes)
    return Variable(str(name), ELEMENTS[element["#"].partition(".")[2]], shape)


def single_scales(program: Any) -> int:
    """Write the scales of interpolations as float32; return how many there were.

    Paddle 3.3 keeps them as float64, and paddle2onnx 2.1.0 reads float32 only: without this every
    model that resizes by a scale is refused ("elementwise MUST be ir::FloatAttribute").
    """
    changed = 0
    for one in operations(program["program"]):
        if not kind(one).endswith("_interp"):
            continue
        for attribute in one["A"]:
            values = attribute["AT"]["D"]
            if attribute["N"] == "scale" and isinstance(values, list):
                for value in values:
                    changed += value["#"] == "0.a_f64"
                    value["#"] = "0.a_f32"
    return changed


def kept_axes(program: Any) -> int:
    """Let slices of programs before Paddle 2.5 keep their only axis; return how many there were.

    Such a slice says that it drops the axis, and declares a result of shape [1]: there were no
    tensors without axes then. paddle2onnx goes by the former, and writes an invalid Concat behind.
    """
    sizes: dict[int, list[int]] = {}
    changed = 0
    for one in operations(program["program"]):
        results = one["O"] if isinstance(one["O"], list) else [one["O"]]
        for result in results:
            told = result["TT"].get("D") or []
            if str(result["TT"].get("#", "")).endswith("t_dtensor"):
                sizes[result["%"]] = told[1]
        if kind(one) != "slice":
            continue
        before, after = (sizes.get(end["%"]) for end in (one["I"][0], results[0]))
        for attribute in one["A"]:
            dropped = attribute["N"] == "decrease_axis" and attribute["AT"]["D"]
            if dropped and before is not None and after is not None and len(before) == len(after):
                attribute["AT"]["D"] = []
                changed += 1
    return changed
