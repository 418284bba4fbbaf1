"""OneFlow's ways to save: a compiled nn.Graph, and a state_dict in two layouts.

Source: OneFlow 0.9.0, ``python/oneflow/framework/check_point_v2.py`` (``pickled_data``,
``snapshot_done``, ``meta``, ``out``) and ``oneflow/ir`` (``model.mlir``).
"""

from __future__ import annotations

from modelport_sdk import Format, Head

JOB = b"oneflow.job"
VARIABLES = ("meta", "out")
OURS = b'"""A model written from ONNX by modelport; runs under PyTorch and under OneFlow.'
PROTOCOL = b"protocol_version"


def match_graph(head: Head) -> float:
    """Return 1.0 for a text with a ``oneflow.job`` in it, 0.2 on the name alone."""
    start = head.first.lstrip()
    if start.startswith(b"module") and JOB in head.first:
        return 1.0
    return 0.2 if head.name == "model.mlir" else 0.0


def match_state(head: Head) -> float:
    """Return 1.0 for OneFlow's pickle, 0.9 for the empty file that closes the older layout."""
    if head.first[:1] == b"\x80" and PROTOCOL in head.first[:256] and head.name == "pickled_data":
        return 1.0
    return 0.9 if head.name == "snapshot_done" and head.size < 256 else 0.0


def match_code(head: Head) -> float:
    """Return 1.0 for a model.py that begins as modelport writes it."""
    return 1.0 if head.first.startswith(OURS) else 0.0


def match_numpy(head: Head) -> float:
    """Return 1.0 for a zip that holds nothing but arrays."""
    arrays = bool(head.members) and all(name.endswith(".npy") for name in head.members)
    if arrays:
        return 1.0
    return 0.2 if head.name.endswith(".npz") else 0.0


ONEFLOW = Format("oneflow", "OneFlow nn.Graph", match_graph, main="model.mlir", parts=VARIABLES)
# The main file is ``pickled_data`` or, in the older layout, ``snapshot_done``. A graph of the
# same architecture may stand beside it, in another framework's format.
STATE = Format(
    "oneflow-state",
    "OneFlow state_dict",
    match_state,
    main="[ps]*_d[ao][tn][ae]",
    parts=(*VARIABLES, "*.onnx", "*.pt"),
    needs=("out",),
)
CODE = Format(
    "oneflow-code",
    "OneFlow and PyTorch module",
    match_code,
    main="*.py",
    parts=(*VARIABLES, "snapshot_done"),
)
NUMPY = Format("npz", "NumPy archive of weights", match_numpy, main="*.npz")
