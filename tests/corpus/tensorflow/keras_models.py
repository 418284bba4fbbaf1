"""Writes small Keras, SavedModel and GraphDef models: ``python keras_models.py FOLDER``.

Runs in the environment ``tensorflow``; each model has a folder, with ``case.npz`` where it is a
sound one: inputs and outputs by name, as Keras gives them.
"""

import json
import os
import sys
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import h5py
import keras
import numpy as np
import tensorflow as tf
import tf_keras
from keras import layers

DRAW = np.random.default_rng(7)


def normal(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


def cnn(module=keras):
    kit = module.layers
    return module.Sequential(
        [
            module.Input((8, 8, 3), name="img"),
            kit.Conv2D(4, 3, padding="same", activation="relu"),
            kit.DepthwiseConv2D(3),
            kit.BatchNormalization(),
            kit.GlobalAveragePooling2D(),
            kit.Dense(5, name="out"),
        ]
    )


def functional(kind, width, *inner):
    start = keras.Input((width,) if kind != "lstm" else (7, width), name="x")
    end = start
    for layer in inner:
        end = layer(end)
    return keras.Model(start, layers.Dense(3, name="out")(end))


def two():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    mixed = layers.Concatenate()([layers.Dense(6)(left), right])
    mixed = keras.ops.tanh(mixed * 2.0)
    ends = [layers.Dense(2, name="first")(mixed), layers.Dense(3, name="second")(mixed)]
    return keras.Model([left, right], ends)


def case(folder, model, names):
    feeds = {
        name: normal(2, *tensor.shape[1:]) for name, tensor in zip(names, model.inputs, strict=True)
    }
    given = list(feeds.values())
    wanted = model(given if len(given) > 1 else given[0], training=False)
    wanted = [
        np.asarray(one) for one in (wanted if isinstance(wanted, (list, tuple)) else [wanted])
    ]
    arrays = {f"in {k}": v for k, v in feeds.items()}
    arrays |= {f"out {index}": one for index, one in enumerate(wanted)}
    held = {str(index): array for index, array in enumerate(arrays.values())}
    np.savez(folder / "case.npz", names=list(arrays), **held)


def frozen(model, path):
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((None, 8, 8, 3), tf.float32, name="img")
    concrete = tf.function(lambda img: model(img, training=False)).get_concrete_function(spec)
    graph = convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph
    path.write_bytes(graph.as_graph_def().SerializeToString())


def sound(folder):
    """Write what has to be verified."""
    models = {
        "keras": (cnn(), "net.keras", ["img"]),
        "keras_h5": (cnn(), "net.h5", ["img"]),
        "keras_2": (cnn(tf_keras), "net.h5", ["img"]),
        "gelu": (functional("gelu", 6, layers.Dense(8, activation="gelu")), "net.keras", ["x"]),
        "lstm": (functional("lstm", 5, layers.LSTM(6), layers.Dense(4)), "net.keras", ["x"]),
        "two": (two(), "net.keras", ["left", "right"]),
    }
    for name, (model, file, names) in models.items():
        (folder / name).mkdir()
        model.save(folder / name / file)
        case(folder / name, model, names)
    model = cnn()
    for name in ("saved_model", "graph"):
        (folder / name).mkdir()
        case(folder / name, model, ["img"])
    model.export(folder / "saved_model", verbose=False)
    frozen(model, folder / "graph" / "net.pb")


def edited(path, change):
    """Rewrite the configuration of a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(config["config"]["layers"][1])
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def hostile(folder):
    """Write what has to be refused."""
    changes = {
        "lambda": {"class_name": "Lambda", "module": "keras.layers"},
        "gadget": {"class_name": "Popen", "module": "subprocess"},
        "stranger": {"registered_name": "acme>Mystery"},
    }
    for name, change in changes.items():
        (folder / name).mkdir()
        cnn().save(folder / name / "net.keras")
        edited(folder / name / "net.keras", lambda layer, change=change: layer.update(change))
    for name in ("link", "weights"):
        (folder / name).mkdir()
        cnn().save(folder / name / "net.h5")
    with h5py.File(folder / "link" / "net.h5", "a") as file:
        file["model_weights/more"] = h5py.ExternalLink("/etc/hostname", "/")
    with h5py.File(folder / "weights" / "net.h5", "a") as file:
        del file.attrs["model_config"]

    class Reader(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def __call__(self, name):
            return {"y": tf.io.read_file(name)}

    reader = Reader()
    tf.saved_model.save(reader, str(folder / "reader"), signatures=reader.__call__)
    (folder / "cut").mkdir()
    cnn().save(folder / "cut" / "net.keras")
    whole = (folder / "cut" / "net.keras").read_bytes()
    (folder / "cut" / "net.keras").write_bytes(whole[: len(whole) // 2])


if __name__ == "__main__":
    sound(Path(sys.argv[1]))
    hostile(Path(sys.argv[1]))
