"""Runs Paddle programs of both kinds with Paddle Inference, on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.paddle import library, parameters
from modelport_plugins.paddle.inspect import described
from modelport_sdk import Context, change, runtime
from modelport_sdk.plugins import Session

TITLE = "Paddle Inference 3.3.1"
VARIANTS = (*change.VARIANTS, "unoptimised")


@runtime(format="paddle", env="paddle", title=TITLE, variants=VARIANTS)
def load_pir(model: Path, variant: str, ctx: Context) -> Session:
    """Load a PIR program; open sizes stay open.

    Raises:
        CorruptModel: The program cannot be read, or the weights are not its own.
        UnsupportedFeature: Paddle does not take it.
    """
    return loaded(model, variant, ctx)


@runtime(format="paddle-program", env="paddle", title=TITLE, variants=VARIANTS)
def load_program(model: Path, variant: str, ctx: Context) -> Session:
    """Load a ProgramDesc; open sizes stay open.

    Raises:
        CorruptModel: The program cannot be read, or the weights are not its own.
        UnsupportedFeature: Paddle does not take it.
    """
    return loaded(model, variant, ctx)


def loaded(model: Path, variant: str, ctx: Context) -> Session:
    """Return a session; weights are checked before Paddle, which crashes on wrong ones."""
    told = described(model)
    held = told.held(model)
    weights = parameters.path(model)
    if variant.partition(":")[0] in change.VARIANTS:
        weights = _changed(model, held, variant, ctx)
    made = library.predictor(model, weights, variant, ctx.threads)

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        results = library.run(made, feeds)
        return {port.name: array for port, array in zip(told.outputs, results)}

    return session


def _changed(model: Path, held: dict[str, parameters.Tensor], variant: str, ctx: Context) -> Path:
    arrays = dict(parameters.arrays(model, held))
    change.alter(arrays, variant)
    target = ctx.scratch / f"{variant.replace(':', '-')}.pdiparams"
    parameters.rewritten(parameters.path(model), held, arrays, target)
    return target
