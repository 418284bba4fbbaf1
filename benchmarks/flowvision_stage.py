"""One stage of benchmarks/flowvision.py, in the environment that it needs."""

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "converters"))

from modelport_sdk import Context, PluginError

FLOWVISION = "0.2.2"
SANE = 1e-2, 1e3  # between which the largest output lies; some heads start near zero


def seeded(model, flow):
    """Draw what would stay neutral: statistics and scales of BatchNorm, layers that are zero."""
    draw = np.random.default_rng(5)

    def put(tensor, values):
        tensor.copy_(flow.tensor(np.asarray(values, np.float32)))

    with flow.no_grad():
        for layer in model.modules():
            if isinstance(layer, (flow.nn.BatchNorm2d, flow.nn.BatchNorm1d)):
                count = layer.num_features
                put(layer.running_mean, draw.normal(0, 0.1, count))
                put(layer.running_var, draw.uniform(0.7, 1.3, count))
                if layer.weight is not None:
                    put(layer.weight, draw.uniform(0.8, 1.2, count))
                    put(layer.bias, draw.normal(0, 0.1, count))
        for tensor in model.parameters():
            if tensor.ndim >= 2 and not tensor.numpy().any():
                put(tensor, draw.normal(0, 0.02, tuple(tensor.shape)))


def calibrated(model, flow, size):
    """Keep the output in a sane range: where it is not, each BatchNorm divides by mean squares.

    Variances from a batch would do so too, but random layers tell samples apart by little:
    dividing by that makes a signal of rounding noise.
    """
    draw = np.random.default_rng(6).standard_normal((2, 3, size, size))
    images = flow.tensor(draw.astype(np.float32))
    model.eval()
    with flow.no_grad():
        made = model(images)
    if SANE[0] < abs((made[0] if isinstance(made, tuple) else made).numpy()).max() < SANE[1]:
        return

    def measured(norm, inputs):
        x = inputs[0].numpy()
        power = np.square(x).mean(axis=(0, *range(2, x.ndim)))
        norm.running_var.copy_(flow.tensor(power.astype(np.float32)))

    kinds = {"BatchNorm1d", "BatchNorm2d"}
    for layer in model.modules():
        if type(layer).__name__ in kinds:
            layer.register_forward_pre_hook(measured)
    with flow.no_grad():
        model(images)
    for layer in model.modules():
        layer._forward_pre_hooks.clear()  # noqa: SLF001  # OneFlow gives no handle back


def moved(model, flow, x):
    """Return the output with every weight moved by one unit in the last place."""
    from modelport_plugins.oneflow import change

    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    change.alter(arrays, "weights-ulp")
    model.load_state_dict({name: flow.tensor(array) for name, array in arrays.items()})
    with flow.no_grad():
        made = model(flow.tensor(x))
    return (made[0] if isinstance(made, tuple) else made).numpy()


def completed(net, folder):
    """Add the tensors that OneFlow leaves out, as docs/frameworks/oneflow.md shows."""
    from oneflow.framework.check_point_v2 import _save_tensor_to_disk

    from modelport_plugins.oneflow.graph import refuse_unsaved
    from modelport_plugins.oneflow.mlir import read

    try:
        refuse_unsaved(read(folder / "model.mlir"), folder)
    except PluginError as exc:
        for name, tensor in net.state_dict().items():
            if "FreeEagerTensor" in name:
                _save_tensor_to_disk(tensor, folder / name)
        return {"unsaved": {"code": exc.code, "said": str(exc)}}
    return {}


def graph(folder, name, size):
    """Make the seeded model and save it as an nn.Graph, with an input and its outputs."""
    sys.path.insert(0, str(folder / "flowvision"))
    import oneflow as flow

    flow.jit._script_if_tracing = lambda function: function  # noqa: SLF001  # flowvision asks for it
    from flowvision.models import ModelCreator

    flow.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002  # flowvision draws from it
    extra = {"aux_logits": False} if name in {"googlenet", "inception_v3"} else {}
    model = ModelCreator.create_model(name, pretrained=False, **extra)
    seeded(model, flow)
    calibrated(model, flow, size)

    class Net(flow.nn.Graph):
        def __init__(self):
            super().__init__()
            self.m = model

        def build(self, x):
            made = self.m(x)
            return made[0] if isinstance(made, tuple) else made

    x = np.random.default_rng(7).standard_normal((2, 3, size, size)).astype(np.float32)
    net = Net()
    y = net(flow.tensor(x)).numpy()
    flow.save(net, str(folder / name / "graph"))
    found = completed(net, folder / name / "graph")
    np.savez(folder / name / "io.npz", x=x, y=y)
    return {
        **found,
        "scale": float(abs(y).max()),
        "noise": far(y, moved(model, flow, x)),
        "versions": {"oneflow": flow.__version__, "flowvision": FLOWVISION},
    }


def far(want, got):
    """Return the largest error, relative to the output's scale."""
    exact = want.astype(np.float64)
    return float(abs(got - exact).max() / abs(exact).max())


def kept(folder, name):
    """Return the input and OneFlow's output."""
    with np.load(folder / name / "io.npz") as archive:
        return archive["x"], archive["y"]


def onnx_error(folder, name, source, into):
    """Read a graph as ONNX and run that."""
    import onnx
    import onnxruntime

    from modelport_plugins.oneflow.graph import model

    made = model(source)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, folder / name / into)
    session = onnxruntime.InferenceSession(folder / name / into)
    x, y = kept(folder, name)
    return far(y, session.run(None, {"input_0": x})[0])


def any_batch(folder, name):
    """Free the first axis, and give the result one sample, and three."""
    import onnxruntime

    from modelport_plugins.onnx.passes.free_shapes import Options, free_shapes

    free = folder / name / "free"
    free.mkdir(exist_ok=True)
    try:
        ctx = Context(folder / name, {"name": "net"})
        free_shapes.convert(folder / name / "net.onnx", free, Options(), ctx)
    except PluginError as exc:
        return {"unfreed": {"code": exc.code, "said": str(exc)}}
    session = onnxruntime.InferenceSession(free / "net.onnx")
    x, y = kept(folder, name)
    picks = [0], [0, 1, 0]
    return {"free": max(far(y[p], session.run(None, {"input_0": x[p]})[0]) for p in picks)}


def there(folder, name, _):
    """Go from nn.Graph to ONNX, and from there to a module."""
    import shutil

    import onnx
    import onnxruntime

    from modelport_plugins.oneflow.from_onnx import onnx_to_oneflow_code

    found = {
        "there": onnx_error(folder, name, folder / name / "graph" / "model.mlir", "net.onnx"),
        "versions": {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        **any_batch(folder, name),
    }
    code = folder / name / "code"
    shutil.rmtree(code, ignore_errors=True)
    code.mkdir()
    try:
        ctx = Context(folder / name, {"name": "net"})
        onnx_to_oneflow_code.convert(folder / name / "net.onnx", code, None, ctx)
    except PluginError as exc:
        found["refused"] = {"code": exc.code, "said": f"as a module: {exc}"}
    return found


def again(folder, name, _):
    """Run the module in OneFlow, compile it as a new nn.Graph, and run that as saved."""
    import shutil

    from modelport_plugins.oneflow import code_runtime, runtime

    code, ctx = folder / name / "code", Context(folder / name, {"name": "net"})
    x, y = kept(folder, name)
    made = code_runtime.load_code.load(code / "net.py", "plain", ctx)({"input_0": x})
    found = {"module": far(y, next(iter(made.values())))}
    shutil.rmtree(code / "net_graph", ignore_errors=True)
    code_runtime.oneflow_code_to_oneflow.convert(code / "net.py", code, None, ctx)
    saved = runtime.load.load(code / "net_graph" / "model.mlir", "plain", ctx)({"input_0": x})
    return {**found, "again": far(y, saved["output_0"])}


def back(folder, name, _):
    """Read the new nn.Graph as ONNX."""
    source = folder / name / "code" / "net_graph" / "model.mlir"
    return {"back": onnx_error(folder, name, source, "back.onnx")}


def main():
    """Run the stage named on the command line; its answer goes to a file."""
    stage, folder, name, size = sys.argv[1:]
    try:
        found = globals()[stage](Path(folder), name, int(size))
    except PluginError as exc:
        found = {"refused": {"code": exc.code, "said": str(exc)}}
    told = Path(folder) / name / f"{stage}.json"
    told.write_text(json.dumps(found), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # OneFlow's own end takes seconds, and its exit hooks more than they should


if __name__ == "__main__":
    main()
