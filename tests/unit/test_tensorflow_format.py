"""TensorFlow's formats by their bytes, and the Keras configurations that are refused unloaded."""

from __future__ import annotations

from typing import Any

import pytest

from modelport_plugins.tensorflow import format as formats
from modelport_plugins.tensorflow import guard
from modelport_sdk import Head, UnsafeModel

NODE = b"\x0a\x10\x0a\x03img\x12\x0bPlaceholder"
HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    ("match", "head", "want"),
    [
        pytest.param("saved_model", Head("saved_model.pb", b"\x08\x01\x12\xff"), 1.0, id="saved"),
        pytest.param("saved_model", Head("net.pb", b"\x08\x01\x12\xff"), 0.0, id="other-name"),
        pytest.param("graph", Head("net.pb", NODE), 0.9, id="graph"),
        pytest.param("graph", Head("saved_model.pb", NODE), 0.0, id="graph-in-a-saved-name"),
        pytest.param("graph", Head("net.pb", b"\x08\x07\x12\x07pytorch"), 0.1, id="onnx-bytes"),
        pytest.param("graph", Head("net.pb", b"\x0a"), 0.1, id="cut-short"),
        pytest.param("graph", Head("net.bin", b"\x0a\xff\xff\xff"), 0.0, id="no-graph"),
        pytest.param("keras", Head("a.zip", b"PK", tuple(formats.KERAS)), 1.0, id="keras"),
        pytest.param("keras", Head("a.zip", b"PK", ("config.json",)), 0.0, id="another-zip"),
        pytest.param("keras_h5", Head("a.h5", HDF5 + b"..model_config"), 1.0, id="h5"),
        pytest.param("keras_h5", Head("a.h5", HDF5), 0.6, id="h5-by-suffix"),
        pytest.param("keras_h5", Head("a.h5", b"text"), 0.0, id="no-h5"),
    ],
)
def test_match(match: str, head: Head, want: float) -> None:
    assert getattr(formats, f"match_{match}")(head) == want


def layer(**given: Any) -> dict[str, Any]:
    inner = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}, **given}
    return {"class_name": "Functional", "module": "keras", "config": {"layers": [inner]}}


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(layer(class_name="Lambda"), id="lambda"),
        pytest.param(layer(module="os", class_name="system"), id="another-module"),
        pytest.param(layer(module="keras.utils", class_name="get_file"), id="downloader"),
        pytest.param(layer(class_name="TorchModuleWrapper"), id="pickled-module"),
        pytest.param(layer(class_name="TFOpLambda"), id="function-by-name"),
        pytest.param(layer(class_name="StringLookup"), id="vocabulary-from-a-file"),
        pytest.param(layer(registered_name="acme>Dense"), id="class-of-its-maker"),
        pytest.param({"config": [[layer(class_name="TFSMLayer")]]}, id="deep-in-lists"),
        pytest.param(layer(config={"f": {"class_name": "__lambda__"}}), id="code-as-an-argument"),
    ],
)
def test_a_configuration_that_may_run_code_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(UnsafeModel):
        guard.configuration(config)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(layer(registered_name=None), id="layer"),
        pytest.param(layer(module="keras.src.ops.numpy", class_name="Add"), id="arithmetic"),
    ],
)
def test_a_configuration_of_keras_own_classes_passes(config: dict[str, Any]) -> None:
    assert guard.configuration(config) is None  # type: ignore[func-returns-value]
