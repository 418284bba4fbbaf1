"""One stage of benchmarks/flowvision.py, in the environment that it needs."""

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "converters"))

from modelport_sdk import Context, PluginError

FLAT = 1e-9  # an output below this says nothing: some heads start at zero


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
    """Keep the output in a sane range: statistics of BatchNorm from a batch, where it is not."""
    draw = np.random.default_rng(6)

    def images(count):
        return flow.tensor(draw.standard_normal((count, 3, size, size)).astype(np.float32))

    model.eval()
    with flow.no_grad():
        made = model(images(2))
    first = float(abs((made[0] if isinstance(made, tuple) else made).numpy()).max())
    norms = [x for x in model.modules() if isinstance(x, flow.nn.BatchNorm2d)]
    if norms and not 1e-2 < first < 1e3:
        for norm in norms:
            norm.momentum = 1.0
        model.train()
        with flow.no_grad():
            model(images(8))
        model.eval()


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
    np.savez(folder / name / "io.npz", x=x, y=y)
    scale = float(abs(y).max())
    return {"scale": scale} if scale > FLAT else {"scale": scale, "refused": "its output is zero"}


def far(folder, name, got):
    """Return the largest error, relative to the output's scale."""
    with np.load(folder / name / "io.npz") as archive:
        want = archive["y"].astype(np.float64)
    return float(abs(got - want).max() / abs(want).max())


def onnx_error(folder, name, source, into):
    """Read a graph as ONNX and run that."""
    import onnx
    import onnxruntime

    from modelport_plugins.oneflow.graph import model

    made = model(source)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, folder / name / into)
    session = onnxruntime.InferenceSession(folder / name / into)
    with np.load(folder / name / "io.npz") as archive:
        return far(folder, name, session.run(None, {"input_0": archive["x"]})[0])


def there(folder, name, _):
    """Go from nn.Graph to ONNX, and from there to a module."""
    import shutil

    from modelport_plugins.oneflow.from_onnx import onnx_to_oneflow_code

    found = {"there": onnx_error(folder, name, folder / name / "graph" / "model.mlir", "net.onnx")}
    code = folder / name / "code"
    shutil.rmtree(code, ignore_errors=True)
    code.mkdir()
    try:
        ctx = Context(folder / name, {"name": "net"})
        onnx_to_oneflow_code.convert(folder / name / "net.onnx", code, None, ctx)
    except PluginError as exc:
        found["refused"] = f"as a module: {exc}"
    return found


def again(folder, name, _):
    """Run the module in OneFlow, compile it as a new nn.Graph, and run that as saved."""
    import shutil

    from modelport_plugins.oneflow import code_runtime, runtime

    code, ctx = folder / name / "code", Context(folder / name, {"name": "net"})
    with np.load(folder / name / "io.npz") as archive:
        x = archive["x"]
    made = code_runtime.load_code.load(code / "net.py", "plain", ctx)({"input_0": x})
    found = {"module": far(folder, name, next(iter(made.values())))}
    shutil.rmtree(code / "net_graph", ignore_errors=True)
    code_runtime.oneflow_code_to_oneflow.convert(code / "net.py", code, None, ctx)
    saved = runtime.load.load(code / "net_graph" / "model.mlir", "plain", ctx)({"input_0": x})
    return {**found, "again": far(folder, name, saved["output_0"])}


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
        found = {"refused": str(exc)}
    told = Path(folder) / name / f"{stage}.json"
    told.write_text(json.dumps(found), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # OneFlow's own end takes seconds, and its exit hooks more than they should


if __name__ == "__main__":
    main()
