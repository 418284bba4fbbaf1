"""A few lines of Python that load and run the result: every name in them is quoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]

# What torch and NumPy both call their types; others are shown as float32.
DTYPES = {
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
}  # fmt: skip


def snippet(report: Json) -> str:
    """Return Python that runs the result once on zeros; "" where there is none to show."""
    result = report.get("result") or {}
    write = WRITERS.get(str(result.get("format", "")))
    if write is None or not result.get("main"):
        return ""
    io = report.get("io") or {}
    inputs = [_feed(row) for row in io.get("inputs") or () if row.get("target")]
    outputs = [row["target"]["name"] for row in io.get("outputs") or () if row.get("target")]
    return write(str(result["main"]), inputs, [str(name) for name in outputs])


def _feed(row: Json) -> tuple[str, str, tuple[int, ...]]:
    """Return name, dtype and a shape for an input of the target; 1 for what is left open."""
    target, source = row["target"], row.get("source") or {}
    dtype = str(target.get("dtype") or source.get("dtype") or "float32")
    sizes = row.get("shape") or target.get("shape") or source.get("shape") or ()
    shape = tuple(one if isinstance(one, int) and one >= 0 else 1 for one in sizes)
    return str(target.get("name", "")), dtype if dtype in DTYPES else "float32", shape


Feeds = list[tuple[str, str, tuple[int, ...]]]


def _arrays(inputs: Feeds) -> str:
    return ", ".join(f"{n!r}: np.zeros({s}, np.{_numpy(d)})" for n, d, s in inputs)


def _numpy(dtype: str) -> str:
    return "bool_" if dtype == "bool" else dtype


def _tensors(inputs: Feeds) -> str:
    return ", ".join(f"torch.zeros({s}, dtype=torch.{d})" for _, d, s in inputs)


def _onnxruntime(main: str, inputs: Feeds, outputs: list[str]) -> str:
    del outputs
    return (
        "import numpy as np\n"
        "import onnxruntime\n\n"
        f"session = onnxruntime.InferenceSession({main!r})\n"
        f"outputs = session.run(None, {{{_arrays(inputs)}}})\n"
    )


def _torchscript(main: str, inputs: Feeds, outputs: list[str]) -> str:
    del outputs
    return (
        "import torch\n\n"
        f"module = torch.jit.load({main!r}).eval()\n"
        f"outputs = module({_tensors(inputs)})\n"
    )


def _pt2(main: str, inputs: Feeds, outputs: list[str]) -> str:
    del outputs
    return (
        "import torch\n\n"
        f"module = torch.export.load({main!r}).module()\n"
        f"outputs = module({_tensors(inputs)})\n"
    )


def _ncnn(main: str, inputs: Feeds, outputs: list[str]) -> str:
    weights = main.removesuffix(".param") + ".bin"
    lines = [
        "import ncnn",
        "import numpy as np",
        "",
        "net = ncnn.Net()",
        f"net.load_param({main!r})",
        f"net.load_model({weights!r})",
        "extractor = net.create_extractor()",
    ]
    # ncnn knows no batch axis.
    lines += [
        f"extractor.input({n!r}, ncnn.Mat(np.zeros({s[1:] or s}, np.{_numpy(d)})).clone())"
        for n, d, s in inputs
    ]
    names = ", ".join(f"np.array(extractor.extract({name!r})[1])" for name in outputs)
    return "\n".join([*lines, f"outputs = [{names}]"]) + "\n"


def _mnn(main: str, inputs: Feeds, outputs: list[str]) -> str:
    feeds = ", ".join(
        f"MNN.expr.const(np.zeros({s}, np.{_numpy(_narrow(d))}), {list(s)}, "
        f"MNN.expr.NCHW, MNN.expr.{_mnn_type(d)})"
        for _, d, s in inputs
    )
    names = [name for name, _, _ in inputs]
    return (
        "import MNN\n"
        "import numpy as np\n\n"
        f"module = MNN.nn.load_module_from_file({main!r}, {names!r}, {outputs!r})\n"
        f"outputs = [one.read() for one in module.forward([{feeds}])]\n"
    )


def _narrow(dtype: str) -> str:
    return {"int64": "int32", "bool": "int32", "float64": "float32"}.get(dtype, dtype)


def _mnn_type(dtype: str) -> str:
    narrow = _narrow(dtype)
    return {"int32": "int", "uint8": "uint8", "int8": "int8"}.get(narrow, "float")


def _openvino(main: str, inputs: Feeds, outputs: list[str]) -> str:
    del outputs
    return (
        "import numpy as np\n"
        "import openvino\n\n"
        f'model = openvino.Core().compile_model({main!r}, "CPU")\n'
        f"outputs = model({{{_arrays(inputs)}}})\n"
    )


WRITERS: dict[str, Callable[[str, Feeds, list[str]], str]] = {
    "onnx": _onnxruntime,
    "ort": _onnxruntime,
    "torchscript": _torchscript,
    "pt2": _pt2,
    "ncnn": _ncnn,
    "mnn": _mnn,
    "openvino": _openvino,
}
