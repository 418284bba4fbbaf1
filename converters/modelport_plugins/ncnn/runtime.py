"""Runs an NCNN model on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.ncnn import param
from modelport_sdk import Context, CorruptModel, runtime
from modelport_sdk.plugins import Session

# ncnn.Mat has no batch axis. Python tells which axis of the array is the batch, and 233
# says that none is. Source: ncnn 1.0.20261020, python/src/main.cpp, and what pnnx writes.
NO_BATCH = 233
# Integers below 2**23, read as float32, are denormals.
INTEGER_AS_FLOAT = 1.2e-38
# All that ncnn may do to numbers to be faster; python -c "help(ncnn.Option)".
SHORTCUTS = (
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_packed",
    "use_bf16_storage",
    "use_winograd_convolution",
    "use_winograd23_convolution",
    "use_winograd43_convolution",
    "use_winograd63_convolution",
)


@runtime(format="ncnn", title="NCNN", variants=("default",))
def load(model: Path, variant: str, ctx: Context) -> Session:
    """Load for the CPU: ``plain`` in float32 throughout, ``default`` with NCNN's own options.

    The batch axis of each blob is the one that the converter declared (``batch_index``).
    """
    import numpy as np

    if variant not in ("plain", "default"):
        raise LookupError(variant)
    layers = param.read(model)
    net = open_net(model, variant, ctx.threads)
    fed, left = param.inputs(layers), param.outputs(layers)
    known = {kind: _declared(ctx.io.get(kind, [])) for kind in ("inputs", "outputs")}
    wanted = list(dict.fromkeys(known["outputs"])) or left

    def session(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        with net.create_extractor() as extractor:
            for name in fed:
                mat = _mat(name, feeds[name], known["inputs"].get(name, {}))
                if extractor.input(name, mat) != 0:
                    raise RuntimeError(f"ncnn refuses input {name}")
            results = {}
            for name in wanted:
                status, mat = extractor.extract(name)
                if status != 0 or mat.empty():
                    raise RuntimeError(f"ncnn cannot compute {name}: status {status}")
                results[name] = np.array(_array(mat, known["outputs"].get(name, {})))
        return results

    return session


def open_net(model: Path, variant: str, threads: int) -> Any:
    """Return the network in ``model`` and the ``.bin`` beside it.

    Raises:
        CorruptModel: ncnn does not load one of them.
    """
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    if variant == "plain":
        for shortcut in SHORTCUTS:
            setattr(net.opt, shortcut, False)
    if net.load_param(str(model)) != 0:
        raise CorruptModel("ncnn cannot load the .param", hint="Check its layers.")
    if net.load_model(str(model.with_suffix(".bin"))) != 0:
        raise CorruptModel("ncnn cannot load the .bin", hint="Check that it is the .param's own.")
    return net


def _declared(ports: Any) -> dict[str, dict[str, Any]]:
    return {port["target"]: dict(port["extra"]) for port in ports if port["target"] is not None}


def _mat(name: str, value: Any, extra: Mapping[str, Any]) -> Any:
    """Return ``value`` as ncnn takes it: 32 bits a number, the batch axis told.

    Raises:
        OverflowError: An integer does not fit into 32 bits.
    """
    import ncnn
    import numpy as np

    array = np.asarray(value)
    wanted = np.dtype(extra.get("dtype", array.dtype)).kind
    cast = array.astype(np.int32 if wanted in "iu" else np.float32)
    if array.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise OverflowError(f"input {name}: values beyond 32 bits")
    batch = int(extra.get("batch_index", NO_BATCH))
    # The Mat borrows the array's memory; its clone owns its own.
    return ncnn.Mat(np.ascontiguousarray(cast), batch_index=batch).clone()


def _array(mat: Any, extra: Mapping[str, Any]) -> Any:
    """Return a blob as the type and shape that the converter declared."""
    import numpy as np

    batch = int(extra.get("batch_index", NO_BATCH))
    array = np.array(mat.numpy(batch_index=batch))
    dtype = np.dtype(extra.get("dtype", "float32"))
    if dtype.kind in "iu" and 0 < np.abs(array).max(initial=0) < INTEGER_AS_FLOAT:
        array = np.array(mat.numpy(format="i", batch_index=batch))
    shape = extra.get("shape")
    if shape is not None and _long(shape) == _long(array.shape):
        # A Mat has one axis at least beside the batch, so axes of size 1 come and go.
        array = array.reshape(shape)
    return array.astype(dtype)


def _long(sizes: Any) -> list[int]:
    return [size for size in sizes if size != 1]
