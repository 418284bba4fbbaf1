"""Applies rewrites one after the other, and drops those that break the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from modelport_onnx import graph as graphs
from modelport_onnx import rewrite
from modelport_plugins.onnx import session
from modelport_sdk import Context

NEWEST_IR = 10  # what the oldest of the readers in the base environment was built for


@dataclass(frozen=True)
class Step:
    """A rewrite in place.

    Attributes:
        apply: Returns how often it changed something.
        note: What the user reads, with ``{}`` for that number.
    """

    apply: Callable[[Any], int]
    note: str


NORMALISE = (
    Step(rewrite.drop_initializer_inputs, "{} initialisers taken out of the inputs"),
    Step(lambda model: int(graphs.sort(model.graph)), "nodes put in topological order"),
    Step(rewrite.explicit_axis, "{} default axes of Softmax written out"),
    Step(rewrite.explicit_mode, "{} default modes of Pad written out"),
    Step(rewrite.scalar_conditions, "{} conditions of If reshaped to rank 0"),
    Step(rewrite.remove_no_ops, "{} operators without effect taken out"),
    Step(rewrite.constants_to_initializers, "{} Constant nodes made initialisers"),
    Step(lambda model: rewrite.clamp_ir(model, NEWEST_IR), f"IR version lowered to {NEWEST_IR}"),
)


def apply(model: Any, steps: Sequence[Step], ctx: Context) -> Any:
    """Return ``model`` after ``steps``, each noted; a step that breaks it is left out.

    "Breaks" means that ONNX Runtime loads the model before and not after. The steps are
    tried together first, and one by one only if that fails.
    """
    checkable = loads(model)
    trial = graphs.copy(model)
    notes = [(step, step.apply(trial)) for step in steps]
    if not checkable or loads(trial):
        for step, count in notes:
            if count:
                ctx.note(step.note.format(count))
        return trial
    for step in steps:
        trial = graphs.copy(model)
        count = step.apply(trial)
        if count and loads(trial):
            model = trial
            ctx.note(step.note.format(count))
        elif count:
            ctx.note(f"left out, since it broke the model: {step.note.format(count)}")
    return model


def loads(model: Any) -> bool:
    """Return whether ONNX Runtime loads ``model``; False if it is too large to be tried."""
    if graphs.weight_bytes(model) >= graphs.EXTERNAL_LIMIT:
        return False
    try:
        session.open_session(model.SerializeToString(), level="unoptimised")
    except Exception:  # noqa: BLE001  # a class of the runtime's own, with no common base
        return False
    return True
