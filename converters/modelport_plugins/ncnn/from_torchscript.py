"""TorchScript to NCNN with pnnx, which reads it without PyTorch.

Source: Tencent/ncnn, ``tools/pnnx`` 20261020 (BSD-3-Clause).
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from modelport_plugins.ncnn import preparation
from modelport_plugins.ncnn.delivery import Port, deliver
from modelport_plugins.ncnn.from_onnx import HOME, Options
from modelport_plugins.ncnn.script import example_inputs, load_script, outputs_by_name
from modelport_plugins.ncnn.tool import STEM, pnnx
from modelport_sdk import Context, converter


@converter(source="torchscript", target="ncnn", options=Options, homepage=HOME)
def torchscript_to_ncnn(source: Path, out: Path, options: Options, ctx: Context) -> None:
    """Convert TorchScript to NCNN with pnnx; the result takes the one shape it was made for.

    Raises:
        CorruptModel: The file is no TorchScript module.
        DynamicShapeRequired: The shape of an input is not known.
        UnsupportedOperator: NCNN has no counterpart for an operator.
        UnsupportedFeature: pnnx crashed, or ncnn does not load the result.
    """
    import torch

    torch.set_num_threads(ctx.threads)
    module = load_script(source)
    feeds = example_inputs(module, ctx)
    outputs = [_port(name, tensor) for name, tensor in outputs_by_name(module, feeds).items()]
    inputs = [_port(name, tensor) for name, tensor in feeds.items()]
    ctx.progress("convert", 0.3)
    place = ctx.scratch / "pnnx"
    place.mkdir(parents=True, exist_ok=True)
    copy = place / f"{STEM}.pt"
    shutil.copyfile(source, copy)
    written = pnnx(
        copy,
        preparation.as_arguments(inputs),
        ctx,
        fp16=options.fp16,
        counts=_operator_counts(module),
    )
    deliver(written, out, ctx, inputs=inputs, outputs=outputs, fp16=options.fp16)


def _port(name: str, tensor: Any) -> Port:
    dtype = str(tensor.dtype).partition(".")[2]
    return Port(name, dtype, tuple(tensor.shape))


def _operator_counts(module: Any) -> dict[str, int]:
    counts: Counter[str] = Counter()
    pending = [module.inlined_graph]
    while pending:
        for node in pending.pop().nodes():
            pending.extend(node.blocks())
            counts[node.kind()] += 1
    return dict(counts)
