"""``result.json`` and ``progress.jsonl`` of a worker that a stranger's model has taken over."""

from __future__ import annotations

import json

import numpy as np
from shelf import room

from modelport.engine import answers, mapping
from modelport.errors import ModelportError
from modelport.model import Description, Mapped, Port, jsonable
from modelport.sandbox import answer
from modelport.verify import misfit

TWO = {"a": ["c0"], "b": ["c0", "c1"]}
PORTS = Mapped(tuple(Port(name, name) for name in "xy"), (Port("y", "y"),))
ONES = np.ones((2, 3), np.float32)


def target(data: bytes) -> None:
    """Read the answer as each kind; what is kept can be written as JSON in UTF-8."""
    for line in data.splitlines():
        told = answer.progress(line)
        assert told is None or (0.0 <= told[1] <= 1.0 and told[0].encode())
    with room() as folder:
        path = folder / "result.json"
        path.write_bytes(data)
        try:
            result = answer.read(path, "plugin:onnx_to_ncnn", (folder,))
        except ModelportError as refusal:
            json.dumps(refusal.to_json(), ensure_ascii=False, allow_nan=False).encode()
            return
    for kind in (_inspected, _converted, _ran, _weighed):
        try:
            value = kind(result)
        except ModelportError:
            continue
        json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False).encode()


def _inspected(result: answer.Json) -> object:
    return answers.described("onnx", result)


def _converted(result: answer.Json) -> object:
    told = answers.converted(result)
    twice = mapping.compose(mapping.compose(PORTS, told.mapped), told.mapped)
    mapping.restrictions(twice, Description("onnx", (), ()))
    misfit({port.source: ONES for port in twice.inputs}, twice.inputs)
    return told


def _ran(result: answer.Json) -> object:
    return answers.told(result, TWO)


def _weighed(result: answer.Json) -> object:
    return answers.weighed(result)
