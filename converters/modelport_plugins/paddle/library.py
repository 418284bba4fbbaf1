"""Imports Paddle inside a job, and makes a predictor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_sdk import CorruptModel, UnsupportedFeature

LONGEST = 300  # characters of an error


def library() -> Any:
    """Return the module ``paddle``."""
    warnings.filterwarnings("ignore", message="No ccache found")
    import paddle

    return paddle


def predictor(program: Path, weights: Path, variant: str, threads: int) -> Any:
    """Return Paddle's own predictor, on the CPU and with Paddle's own kernels.

    oneDNN's, which Paddle takes as it is shipped, end the process on some programs while they are
    loaded (3.3.1, a convolution network behind a reshape).

    Raises:
        UnsupportedFeature: Paddle does not take the program.
    """
    library()
    from paddle import inference

    settings = inference.Config(str(program), str(weights))
    settings.disable_gpu()
    settings.disable_glog_info()
    settings.set_cpu_math_library_num_threads(threads)
    settings.disable_mkldnn()
    if variant == "unoptimised":
        settings.switch_ir_optim(False)
    try:
        return inference.create_predictor(settings)
    except Exception as exc:  # made in C++, with no base of their own
        raise UnsupportedFeature(f"Paddle cannot load this program: {reason(exc)}") from exc


def run(made: Any, feeds: Mapping[str, Any]) -> list[Any]:
    """Return what the predictor ``made`` gives for ``feeds``, in the order of its outputs."""
    import numpy as np

    for name in made.get_input_names():
        if name not in feeds:
            raise CorruptModel(f"input {name} of the program is not described")
        made.get_input_handle(name).copy_from_cpu(np.asarray(feeds[name], order="C"))
    made.run()
    handles = (made.get_output_handle(name) for name in made.get_output_names())
    return [np.array(handle.copy_to_cpu()) for handle in handles]


def reason(exc: BaseException) -> str:
    """Return what a Paddle error says: its first lines are a stack of C++ calls."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("(", "InvalidArgument", "NotFound"))]
    chosen = (said or lines or [type(exc).__name__])[0]
    return chosen.partition(" (at /")[0][:LONGEST]
