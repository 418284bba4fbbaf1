"""Looks through Keras files and TensorFlow graphs before anything of them is loaded.

Keras builds what a configuration names: classes and functions by module, code by ``Lambda``. HDF5
may refer to other files. A TensorFlow graph may hold operators that read files or call Python. What
is not on a list here is refused; nothing is ever unpickled.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from modelport_sdk import CorruptModel, UnsafeModel, WeightsOnly

# Where Keras 3 looks up what it has made itself; anything else would be imported.
MODULES = frozenset(
    (
        *("keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers"),
        *("keras.constraints", "keras.activations", "keras.optimizers", "keras.losses"),
        *("keras.metrics", "keras.optimizers.schedules", "keras.dtype_policies", "keras.ops"),
        # Arithmetic between layers: classes of one operation each.
        *("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math", "keras.src.ops.image"),
        *("keras.src.models.functional", "keras.src.models.sequential", "keras.engine.functional"),
        *(
            "keras.engine.sequential",
            "tf_keras.src.engine.functional",
            "keras.src.engine.functional",
        ),
        *("keras.src.engine.sequential", "tf_keras.src.engine.sequential", "builtins"),
    )
)
# They hold code, load another model, or read a file that the configuration names.
CODE = frozenset(
    (
        *("Lambda", "__lambda__", "function", "TorchModuleWrapper", "TFSMLayer", "JaxLayer"),
        *("FlaxLayer", "StringLookup", "IntegerLookup", "TextVectorization", "HashedCrossing"),
        *("get_file", "load_model", "PyFunc", "TFOpLambda", "SlicingOpLambda"),
    )
)
FILES = frozenset(("config.json", "metadata.json", "model.weights.h5"))
LARGEST = 64 << 20  # bytes of a configuration
# Readers and writers of a SavedModel's own variables, which its loader runs.
SAVING = frozenset(
    (
        *("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "StringJoin"),
        *("StaticRegexFullMatch", "VarHandleOp", "ReadVariableOp"),
        *(
            "AssignVariableOp",
            "VarIsInitializedOp",
            "NoOp",
            "Placeholder",
            "PlaceholderWithDefault",
        ),
        *(
            "Const",
            "Pack",
            "Identity",
            "IdentityN",
            "Select",
            "SelectV2",
            "StatefulPartitionedCall",
        ),
        *("PartitionedCall", "If", "StatelessIf", "While", "StatelessWhile", "DisableCopyOnRead"),
        *("StopGradient", "PreventGradient", "EnsureShape", "ResourceGather"),
        *("Assert", "LogicalAnd", "Arg", "_Arg", "_Retval", "VariableV2", "Assign"),
    )
)
# tf2onnx has handlers for these, and they run code or reach out of the graph.
REACHING = frozenset(("PyFunc", "EagerPyFunc", "PyFuncStateless", "ReadFile", "WriteFile"))


def keras_zip(path: Path, scratch: Path) -> None:
    """Refuse a ``.keras`` file that would run code or read other files.

    Raises:
        UnsafeModel: With the class and its module.
        CorruptModel: It is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            strange = sorted(set(archive.namelist()) - FILES)
            if strange:
                raise UnsafeModel(f"the file holds more than a Keras model: {strange[0][:100]}")
            if archive.getinfo("config.json").file_size > LARGEST:
                raise CorruptModel("the configuration is larger than that of any model")
            config = json.loads(archive.read("config.json"))
            weights = Path(archive.extract("model.weights.h5", scratch))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, EOFError) as exc:
        raise CorruptModel(
            "the file is no complete Keras model", hint="Upload the file again, in full."
        ) from exc
    configuration(config)
    hdf5(weights)


def keras_h5(path: Path) -> None:
    """Refuse an HDF5 model likewise.

    Raises:
        UnsafeModel: It would run code or read other files.
        WeightsOnly: It has no configuration.
    """
    import h5py

    hdf5(path)
    with h5py.File(path, "r") as file:
        told = file.attrs.get("model_config")
    if told is None:
        raise WeightsOnly(
            "the file holds the weights of a Keras model, and not its layers",
            hint="Save the whole model: model.save('net.keras').",
        )
    try:
        text = told.decode("utf-8") if isinstance(told, bytes) else str(told)
        configuration(json.loads(text))
    except (ValueError, RecursionError) as exc:
        raise CorruptModel("the configuration of the model cannot be read") from exc


def configuration(config: Any) -> None:
    """Refuse classes that are not Keras's own, and those of its own that run code.

    Raises:
        UnsafeModel: With the class and its module.
    """
    pending = [config]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        if not isinstance(one, dict):
            continue
        pending += one.values()
        name, module = one.get("class_name"), one.get("module")
        known = one.get("registered_name") in (None, name, f"Custom>{name}")
        if (isinstance(name, str) and name in CODE) or (
            isinstance(module, str) and "class_name" in one and module not in MODULES
        ):
            raise UnsafeModel(
                f"the model needs {module or 'keras'}.{name}, which may run code",
                hint="Save the model without it, or convert it where it was made.",
            )
        if not known and "class_name" in one and one["registered_name"] is not None:
            raise UnsafeModel(f"the model needs a class of its maker's: {one['registered_name']}")


def hdf5(path: Path) -> None:
    """Refuse an HDF5 file that refers to other files.

    Raises:
        UnsafeModel: With the name of the link.
        CorruptModel: It is no HDF5 file.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _walk(file)
    except (OSError, RuntimeError, KeyError, ValueError) as exc:
        raise CorruptModel(
            "the HDF5 file cannot be read", hint="Upload the file again, in full."
        ) from exc


def _walk(file: Any) -> None:
    import h5py

    pending, seen = [file], 0
    while pending:
        group = pending.pop()
        for name in group:
            seen += 1
            if seen > 1_000_000:
                raise UnsafeModel("the HDF5 file has no end")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise UnsafeModel(f"the HDF5 file refers to another place: {name[:100]}")
            one = group[name]
            if isinstance(one, h5py.Group):
                pending.append(one)
            elif isinstance(one, h5py.Dataset) and (one.external or one.is_virtual):
                raise UnsafeModel(f"the HDF5 file keeps {name[:100]} in another file")


def graph(nodes: Counter[str]) -> None:
    """Refuse operators that no model's arithmetic needs.

    Raises:
        UnsafeModel: They are named and counted.
    """
    from tf2onnx import tfonnx  # noqa: F401  # registers the handlers
    from tf2onnx.handler import tf_op

    from modelport_plugins.tensorflow import handler

    handler.register()
    allowed = set(SAVING)
    for versions in tf_op.get_opsets().values():
        for names in versions:
            allowed |= set(names)
    allowed -= REACHING
    strange = {name: count for name, count in nodes.items() if name not in allowed}
    if strange:
        names = ", ".join(sorted(strange)[:5])
        raise UnsafeModel(
            f"the graph has operators that are on no list of ours: {names}",
            operators=strange,
            hint="Export the part of the model that computes, without files, tables and Python.",
        )
