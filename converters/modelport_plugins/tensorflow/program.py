"""Loads a TensorFlow model of any kind as one function of named tensors.

What is loaded has passed ``guard``. Keras 3 is tried before Keras 2 (tf_keras): each loads files
that the other does not.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelport_plugins.tensorflow import guard
from modelport_sdk import Context, CorruptModel, UnsupportedFeature, first_line

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Program:
    """A model as one function.

    Attributes:
        concrete: TensorFlow's ConcreteFunction.
        inputs: Its tensors by our names; likewise ``outputs``.
        operators: Of the graph and of its functions.
        producer: Which of TensorFlow's loaders read it.
    """

    concrete: Any
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    operators: Counter[str]
    producer: str
    kept: Any = None

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return all outputs by our names."""
        import tensorflow as tf

        given = [tf.constant(feeds[name], dtype=one.dtype) for name, one in self.inputs.items()]
        results = self.concrete._call_flat(given, self.concrete.captured_inputs)  # noqa: SLF001  # by position, whatever the names
        flat = [one.numpy() for one in tf.nest.flatten(results)]
        return dict(zip(self.outputs, flat))


class Constant:
    """A weight of a frozen graph, which can be read and written as a variable can."""

    def __init__(self, node: Any) -> None:
        self.value = node.attr["value"].tensor

    def numpy(self) -> Any:
        """Return its numbers."""
        import tensorflow as tf

        return tf.make_ndarray(self.value)

    def assign(self, values: Any) -> None:
        """Write its numbers."""
        import tensorflow as tf

        self.value.CopyFrom(tf.make_tensor_proto(values))


Change = Callable[[list[Any]], None]


def load(source: Path, ctx: Context, change: Change | None = None) -> Program:
    """Return the model in ``source``; ``change`` may edit its weights first.

    Raises:
        UnsafeModel: It would run code, or reach out of the graph.
        CorruptModel: TensorFlow cannot read it.
        WeightsOnly: It has no layers.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(ctx.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if source.suffix == ".pb" and source.name != "saved_model.pb":
        return _frozen(source, change)
    loaded = _saved(source) if source.suffix == ".pb" else _keras(source, ctx)
    if change:
        change([one for one in loaded.concrete.graph.variables if one.dtype.is_floating])
    return loaded


def _saved(source: Path) -> Program:
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    told = SavedModel()
    try:
        told.ParseFromString(source.read_bytes())
    except DecodeError as exc:
        raise CorruptModel("saved_model.pb cannot be read") from exc
    counts: Counter[str] = Counter()
    for meta in told.meta_graphs:
        counts += _operators(meta.graph_def)
    guard.graph(counts)
    try:
        loaded = tf.saved_model.load(str(_folder(source)))
        signatures = loaded.signatures
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError, tf.errors.OpError) as exc:
        raise CorruptModel(f"TensorFlow cannot load the model: {_told(exc, source)}") from exc
    if not signatures:
        raise UnsupportedFeature(
            "the SavedModel has no signature that could be called",
            hint="Save it with signatures, or with Keras's model.export().",
        )
    chosen = SIGNATURE if SIGNATURE in signatures else min(signatures)
    concrete = signatures[chosen]
    keywords = concrete.structured_input_signature[1]
    inputs = {name: _tensor(concrete, spec.name or name) for name, spec in keywords.items()}
    order = {tensor.name: index for index, tensor in enumerate(concrete.inputs)}
    inputs = dict(sorted(inputs.items(), key=lambda pair: order[pair[1].name]))
    outputs = dict(zip(sorted(concrete.structured_outputs), concrete.outputs))
    return Program(concrete, inputs, outputs, counts, f"SavedModel, {chosen}", loaded)


def _tensor(concrete: Any, name: str) -> Any:
    return next(t for t in concrete.inputs if t.name.partition(":")[0] == name)


def _folder(source: Path) -> Path:
    """Return the folder of a SavedModel with its variables where the loader expects them."""
    beside = source.parent / "variables.index"
    if not beside.is_file():
        return source.parent
    folder = source.parent / "whole"
    shutil.copytree(source.parent, folder / "variables")
    return folder


def _frozen(source: Path, change: Change | None) -> Program:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    told = tf.compat.v1.GraphDef()
    try:
        told.ParseFromString(source.read_bytes())
    except DecodeError as exc:
        raise CorruptModel("the graph cannot be read") from exc
    counts = _operators(told)
    guard.graph(counts)
    if change:
        held = [node for node in told.node if node.op == "Const"]
        change([Constant(n) for n in held if tf.as_dtype(n.attr["dtype"].type).is_floating])
    read = {re.sub(r":\d+$", "", one.lstrip("^")) for n in told.node for one in n.input}
    starts = [n.name for n in told.node if n.op == "Placeholder"]
    ends = [n.name for n in told.node if n.name not in read and n.op not in ("NoOp", "Const")]
    ends = [name for name in ends if name not in starts]
    if not starts or not ends:
        raise UnsupportedFeature("the graph has no inputs, or no outputs")
    try:
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.compat.v1.import_graph_def(told, name=""), []
        )
        tensors = [
            [wrapped.graph.get_tensor_by_name(f"{name}:0") for name in names]
            for names in (starts, ends)
        ]
        concrete = wrapped.prune(*tensors)
    except (ValueError, KeyError, tf.errors.OpError) as exc:
        raise CorruptModel(f"TensorFlow cannot load the graph: {_told(exc, source)}") from exc
    inputs = dict(zip(starts, concrete.inputs))
    return Program(concrete, inputs, dict(zip(ends, concrete.outputs)), counts, "GraphDef", wrapped)


def _keras(source: Path, ctx: Context) -> Program:
    if source.suffix == ".keras" and not source.read_bytes()[:4].startswith(b"\x89HDF"):
        guard.keras_zip(source, ctx.scratch)
    else:
        guard.keras_h5(source)
    import keras
    import tf_keras

    failures = []
    for loader in (keras, tf_keras):
        try:
            model = loader.models.load_model(str(source), compile=False, safe_mode=True)
            return _traced(model, f"{loader.__name__} {loader.__version__}")
        except Exception as exc:  # noqa: BLE001  # each loader has dozens of classes
            failures.append(f"{loader.__name__}: {_told(exc, source)}")
    raise UnsupportedFeature(
        f"neither Keras 3 nor Keras 2 loads the model ({'; '.join(failures)})"[:400],
        hint="Save it again with the Keras that made it, or export a SavedModel.",
    )


def _traced(model: Any, producer: str) -> Program:
    import tensorflow as tf

    names = [_plain(one.name) for one in model.inputs]
    specs = [
        tf.TensorSpec([None if s is None else int(s) for s in one.shape], one.dtype, name=name)
        for one, name in zip(model.inputs, names)
    ]

    def call(*tensors: Any) -> list[Any]:
        given = tensors[0] if len(tensors) == 1 else list(tensors)
        return list(tf.nest.flatten(model(given, training=False)))

    concrete = tf.function(call).get_concrete_function(*specs)
    given = [one for one in concrete.inputs if one.dtype != tf.resource]
    # Keras 3's Sequential names no outputs.
    called = getattr(model, "output_names", None) or [model.layers[-1].name]
    called = _unique([_plain(name) for name in called])
    counts = _operators(concrete.graph.as_graph_def())
    outputs = dict(zip(called, concrete.outputs))
    return Program(concrete, dict(zip(_unique(names), given)), outputs, counts, producer, model)


def _unique(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        found.append(name if name not in found else f"{name}_{len(found)}")
    return found


def _plain(name: str) -> str:
    return name.partition(":")[0]


def _operators(graph: Any) -> Counter[str]:
    """Count the operators of a GraphDef; calls of its own functions are no operators."""
    own = {function.signature.name for function in graph.library.function}
    counts = Counter(node.op for node in graph.node)
    for function in graph.library.function:
        counts += Counter(node.op for node in function.node_def)
    return Counter({name: n for name, n in counts.items() if name not in own})


def _told(exc: BaseException, source: Path) -> str:
    return first_line(exc, 160).replace(str(source.parent), "").replace(str(source), source.name)
