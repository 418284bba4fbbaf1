"""What a model says of its inputs, up to the arrays that are drawn from it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from modelport.engine.answers import described
from modelport.errors import ModelportError
from modelport.inputs import BYTES, battery, ladder, neighbours, probes, roomy

SMALL = 1 << 16
"""Bytes of one case that are drawn here; more are only counted."""


def target(data: bytes) -> None:
    """Describe the inputs, propose shapes, and draw cases where they are small."""
    try:
        inputs = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        model = described("onnx", {"description": {"inputs": inputs, "outputs": []}})
        rungs = ladder(model)
    except ModelportError:
        return
    assert 0 < len(rungs) <= 16
    fitting = [rung for rung in rungs if roomy(model, rung, BYTES)]
    for rung in fitting:
        assert set(rung) == {tensor.name for tensor in model.inputs}
    small = [rung for rung in fitting if roomy(model, rung, SMALL)][:2]
    for rung in small:
        points = [one for one in neighbours(model, rung) if roomy(model, one, SMALL)]
        try:
            cases = [*probes(model, rung, seed=0), *battery(model, rung, seed=0, points=points[:2])]
        except ModelportError:
            return
        for case in cases:
            _check(case.feeds, [rung, *points])


def _check(feeds: Mapping[str, object], shapes: list[Mapping[str, tuple[int, ...]]]) -> None:
    for name, array in feeds.items():
        assert getattr(array, "shape", None) in [shape[name] for shape in shapes]
