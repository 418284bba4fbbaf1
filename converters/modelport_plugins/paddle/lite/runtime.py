"""Runs a Paddle-Lite model for x86 with Paddle-Lite's own runtime.

A model for ARM is refused: loaded on x86 it ends the process, or computes nonsense without a word.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.paddle.lite import format
from modelport_sdk import Context, UnsupportedFeature, runtime
from modelport_sdk.plugins import Session


@runtime(format="paddle-lite-x86", env="paddlelite", title="Paddle-Lite 2.12")
def load(model: Path, variant: str, ctx: Context) -> Session:
    """Load for x86; each set of shapes gets a predictor of its own.

    One that has run takes no other sizes of pictures: it corrupts its memory.

    Raises:
        UnsupportedFeature: The model is for another processor.
    """
    if variant != "plain":
        raise LookupError(variant)
    data = model.read_bytes()
    if format.ARM in format.targets(data) or not format.HEAD.match(data[:64]):
        raise UnsupportedFeature("this .nb is made for ARM processors and cannot run here")
    import numpy as np
    from paddlelite import lite

    # Paddle-Lite frees memory twice when the interpreter ends; by then the answer is written.
    atexit.register(os._exit, 0)
    made: dict[tuple[Any, ...], Any] = {}

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        key = tuple((name, np.shape(value)) for name, value in sorted(feeds.items()))
        if key not in made:
            settings = lite.MobileConfig()
            settings.set_model_from_file(str(model))
            made[key] = lite.create_paddle_predictor(settings)
        predictor = made[key]
        for name in predictor.get_input_names():
            array = np.asarray(feeds[name], order="C")
            predictor.get_input_by_name(name).from_numpy(array)
        predictor.run()
        names = predictor.get_output_names()
        return {
            name: np.array(predictor.get_output(place).numpy()) for place, name in enumerate(names)
        }

    return session
