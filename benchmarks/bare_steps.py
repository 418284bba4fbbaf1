"""The bare tools as steps from one model to the next, each with the options it needs.

Nothing of modelport is used. Runs in the environment ``base``, in a scratch folder, as a
part of ``bare_tool.py``.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np


class Model:
    """A model on its way: the file, and how to run it on ``feeds`` (by position)."""

    def __init__(self, path, run=None):
        self.path, self.run = Path(path), run


def arguments(feeds):
    """Return the inputs as PyTorch takes them: a whole number without axes as an int."""
    import torch

    return tuple(
        int(array) if array.ndim == 0 and array.dtype.kind == "i" else torch.from_numpy(array)
        for array in feeds.values()
    )


def torch_run(module, given):
    """Return the outputs of a PyTorch module as flat arrays."""
    import torch
    from torch.utils import _pytree as tree

    with torch.no_grad():
        leaves = tree.tree_leaves(module(*arguments(given)))
    return [leaf.numpy() for leaf in leaves]


def onnx_model(path):
    """Return an ONNX file as a Model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options)
    model = Model(path)
    names = [port.name for port in session.get_inputs()]
    model.session = session
    model.run = lambda given: session.run(None, dict(zip(names, given.values(), strict=False)))
    return model


def simplified(model, feeds):
    """Simplify with onnxsim, for the shapes of the inputs."""
    import onnx
    import onnxsim

    done, _ = onnxsim.simplify(
        onnx.load(model.path), overwrite_input_shapes={n: list(a.shape) for n, a in feeds.items()}
    )
    onnx.save(done, "simplified.onnx")
    return onnx_model("simplified.onnx")


def slimmed(model, _feeds):
    """Simplify with onnxslim."""
    import onnxslim

    onnxslim.slim(str(model.path), "slim.onnx")
    return onnx_model("slim.onnx")


def as_ort(model, _feeds):
    """Write ONNX Runtime's own format."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = "model.ort"
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(model.path), options)
    return onnx_model("model.ort")


def exported(model, feeds):
    """Export to ONNX with PyTorch: the newer exporter for programs, the older for scripts."""
    import torch

    names = list(feeds)
    tensors = arguments(feeds)
    if model.path.suffix == ".pt2":
        torch.onnx.export(
            torch.export.load(model.path), (), "exported.onnx", dynamo=True, external_data=False
        )
    else:
        torch.onnx.export(model.module, tensors, "exported.onnx", dynamo=False, input_names=names)
    return onnx_model("exported.onnx")


def traced(model, feeds):
    """Trace a PyTorch module."""
    import torch

    tensors = arguments(feeds)
    script = torch.jit.trace(model.module, tensors)
    script.save("traced.pt")
    loaded = torch.jit.load("traced.pt")
    after = Model("traced.pt", lambda given: torch_run(loaded, given))
    after.module = loaded
    return after


def programmed(model, feeds):
    """Turn TorchScript, or a module, into an ExportedProgram."""
    import torch

    tensors = arguments(feeds)
    if isinstance(model.module, torch.jit.ScriptModule):
        from torch._export.converter import TS2EPConverter

        program = TS2EPConverter(model.module, tensors).convert()
    else:
        program = torch.export.export(model.module, tensors)
    torch.export.save(program, "program.pt2")
    module = torch.export.load("program.pt2").module()
    return Model("program.pt2", lambda given: torch_run(module, given))


def as_module(model, _feeds):
    """Build a PyTorch module with onnx2torch, which wants a torchvision that is not there."""
    from unittest import mock

    for name in ("torchvision", "torchvision.ops"):
        sys.modules[name] = mock.MagicMock(name=name)
    import onnx2torch

    module = onnx2torch.convert(str(model.path)).eval()
    after = Model(model.path, lambda given: torch_run(module, given))
    after.module = module
    return after


def as_openvino(model, feeds):
    """Convert with OpenVINO, from a file or a PyTorch module."""
    import openvino

    if hasattr(model, "module"):
        tensors = arguments(feeds)
        made = openvino.convert_model(model.module, example_input=tensors)
    else:
        shapes = [(name, list(array.shape)) for name, array in feeds.items()]
        made = openvino.convert_model(str(model.path), input=shapes)
    compiled = openvino.compile_model(made, "CPU")
    return Model("", lambda given: list(compiled(list(given.values())).values()))


def as_mnn(model, feeds, *arguments):
    """Convert with MNN's converter, below its console scripts."""
    import _tools
    from MNN import expr, nn

    files = ["--modelFile", str(model.path), "--MNNModel", "model.mnn"]
    _tools.mnnconvert(["MNNConvert", "-f", "ONNX", "--bizCode", "b", *files, *arguments])
    if not Path("model.mnn").is_file():
        raise SystemExit("MNN wrote no file")
    module = nn.load_module_from_file("model.mnn", [], [], shape_mutable=True)
    names = module.get_info()["inputNames"]

    def run(given):
        by_name = dict(zip(feeds, given.values(), strict=True))
        tensors = []
        for name in names:
            array = by_name[name]
            kind = expr.float if array.dtype.kind == "f" else expr.int
            narrow = array.astype(np.float32 if kind == expr.float else np.int32)
            tensors.append(expr.const(narrow, list(array.shape), expr.NCHW, kind))
        outputs = [expr.convert(o, expr.NCHW) for o in module.forward(tensors)]
        return [np.array(o.read()) for o in outputs]

    return Model("model.mnn", run)


def as_ncnn(model, feeds):
    """Convert with pnnx, and load in ncnn; every input loses a leading batch of 1."""
    import ncnn

    binary = Path(importlib.util.find_spec("pnnx").submodule_search_locations[0]) / "pnnx"
    short = {"float32": "f32", "int64": "i64", "int32": "i32", "bool": "bool", "float16": "f16"}
    shapes = ",".join(
        f"[{','.join(map(str, a.shape))}]{short[a.dtype.name]}" for a in feeds.values()
    )
    copy = Path("bare" + model.path.suffix)
    copy.write_bytes(model.path.read_bytes())
    done = subprocess.run(
        [binary, copy, f"inputshape={shapes}", "fp16=0"],
        capture_output=True,
        text=True,
        check=False,
    )
    words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode or not Path("bare.ncnn.param").is_file():
        raise SystemExit(f"pnnx ended with {done.returncode}: {words[-1] if words else ''}")
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    unknown = [w for w in words if w.startswith("ignore ")]
    if net.load_param("bare.ncnn.param") or net.load_model("bare.ncnn.bin"):
        raise SystemExit(f"ncnn does not load what pnnx wrote {'; '.join(unknown)[:200]}")

    def run(given):
        extractor = net.create_extractor()
        for number, array in enumerate(given.values()):
            plain = array[0] if array.ndim > 1 and array.shape[0] == 1 else array
            narrow = plain.astype(np.float32 if plain.dtype.kind == "f" else np.int32)
            extractor.input(f"in{number}", ncnn.Mat(np.ascontiguousarray(narrow)).clone())
        return [np.array(extractor.extract(name)[1]) for name in net.output_names()]

    return Model("bare.ncnn.param", run)


STEPS = {
    "onnxsim": simplified,
    "onnxslim": slimmed,
    "onnxruntime": as_ort,
    "torch.onnx": exported,
    "trace": traced,
    "export": programmed,
    "ts2ep": programmed,
    "onnx2torch": as_module,
    "openvino": as_openvino,
    "mnn": as_mnn,
    "pnnx": as_ncnn,
}
