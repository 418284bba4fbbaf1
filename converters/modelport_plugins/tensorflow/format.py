"""TensorFlow's own ways to save: SavedModel folders, frozen graphs, Keras files of two kinds.

Source: tensorflow/core/protobuf/saved_model.proto and framework/graph.proto; HDF5 file format
specification 3.0, section II.A; keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

from modelport_sdk import Format, Head

HDF5 = b"\x89HDF\r\n\x1a\n"
KERAS = {"config.json", "metadata.json", "model.weights.h5"}
# SavedModel: saved_model_schema_version (field 1, varint) is 1, then a MetaGraphDef (field 2).
SAVED_MODEL = b"\x08\x01\x12"
NODE, NAME, OPERATOR = 0x0A, 0x0A, 0x12  # GraphDef.node; NodeDef.name and NodeDef.op


def match_saved_model(head: Head) -> float:
    """Return 1.0 for a SavedModel under its own name, 0.2 on the name alone."""
    if head.name != "saved_model.pb":
        return 0.0
    return 1.0 if head.first.startswith(SAVED_MODEL) else 0.2


def match_graph(head: Head) -> float:
    """Return 0.9 for a message that begins with a named node, 0.1 on the suffix alone."""
    data = head.first
    if head.name == "saved_model.pb":
        return 0.0
    suffix = head.name.endswith(".pb")
    at = 1
    while at < min(len(data), 11) and data[at] >= 0x80:
        at += 1
    name = data[at + 1 : at + 3]
    if data[:1] != bytes([NODE]) or len(name) < 2 or name[0] != NAME:
        return 0.1 if suffix else 0.0
    operator = at + 3 + name[1]
    if data[operator : operator + 1] == bytes([OPERATOR]):
        return 0.9 if suffix else 0.6
    return 0.1 if suffix else 0.0


def match_keras(head: Head) -> float:
    """Return 1.0 for a zip with Keras 3's three files in it."""
    if set(head.members) >= KERAS:
        return 1.0
    return 0.2 if head.name.endswith(".keras") else 0.0


def match_keras_h5(head: Head) -> float:
    """Return 1.0 for HDF5 that names a model's configuration, 0.6 for HDF5 by its suffix."""
    if not head.first.startswith(HDF5):
        return 0.0
    if b"model_config" in head.first:
        return 1.0
    return 0.6 if head.name.endswith((".h5", ".hdf5", ".keras")) else 0.0


SAVED = Format(
    "savedmodel",
    "TensorFlow SavedModel",
    match_saved_model,
    main="saved_model.pb",
    parts=("variables.*", "fingerprint.pb", "keras_metadata.pb"),
)
GRAPH = Format("tf-graph", "TensorFlow frozen graph", match_graph, main="*.pb")
KERAS_ZIP = Format("keras", "Keras", match_keras, main="*.keras")
KERAS_H5 = Format("keras-h5", "Keras HDF5", match_keras_h5, main="*.h5")
