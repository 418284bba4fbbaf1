"""What the OneFlow reader refuses, and with which words: damaged, hostile and partial folders."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelport_plugins.oneflow import mlir, pickled, state, variable
from modelport_plugins.oneflow.combination import check
from modelport_plugins.oneflow.format import match_state
from modelport_plugins.oneflow.graph import ports
from modelport_sdk import (
    CorruptModel,
    Head,
    UnsafeModel,
    UnsupportedFeature,
)

GRAPH = """module {
  oneflow.job @Net_0(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %output = "oneflow.input"(%arg0) {data_type = 2 : i32, op_name = "_Net_0_input.0.0_2", \
shape = [2 : si64, 3 : si64]} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %0 = "oneflow.KIND"(%output) {op_name = "net-relu-0", alpha = 0x7F800000 : f32} : \
(tensor<2x3xf32>) -> tensor<2x3xf32>
    %output_0 = "oneflow.output"(%0) {data_type = 2 : i32, op_name = "_Net_0_output.0.0_3", \
shape = [2 : si64, 3 : si64]} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    oneflow.return %output_0 : tensor<2x3xf32>
  }
}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "model.mlir"
    path.write_text(text, "utf-8")
    return path


def test_attributes_and_types_are_read(tmp_path: Path) -> None:
    operations = mlir.read(written(tmp_path, GRAPH.replace("KIND", "relu")))
    assert [one.kind for one in operations] == ["input", "relu", "output", "return"]
    assert operations[1].attributes["alpha"] == float("inf")


def test_outputs_come_in_the_order_of_build(tmp_path: Path) -> None:
    two = GRAPH.replace("KIND", "relu").replace(
        "    oneflow.return",
        '    %output_1 = "oneflow.output"(%0) {data_type = 12 : i32, op_name = '
        '"_Net_0_output.0.0_1", shape = [2 : si64]} : (tensor<2x3xf32>) -> tensor<2x3xsi8>\n'
        "    oneflow.return",
    )
    _, outputs = ports(mlir.read(written(tmp_path, two)))
    assert [port["dtype"] for port in outputs] == ["bool", "float32"]


@pytest.mark.parametrize("name", ["../outside", "/etc", ".", "a/../.."])
def test_a_variable_outside_of_the_folder_is_corrupt(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorruptModel, match="lies outside"):
        variable.load(tmp_path, name)


def test_a_link_out_of_the_folder_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    variable.save(tmp_path, "secret", np.zeros(3, np.float32))
    (tmp_path / "model" / "w").symlink_to(tmp_path / "secret")
    with pytest.raises(CorruptModel, match="lies outside"):
        variable.load(tmp_path / "model", "w")


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int8", "int32", "int64", "bool"]
)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_a_state_dict_comes_back_as_it_was(
    tmp_path: Path, dtype: str, shape: tuple[int, ...]
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    state.write(tmp_path / "s", {"a.b": array})
    back = state.read(tmp_path / "s" / "snapshot_done")
    assert back["a.b"].dtype == array.dtype
    assert back["a.b"].shape == array.shape
    assert back["a.b"].tobytes() == array.tobytes()


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 300])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsupportedFeature):
        state.write(tmp_path / "s", {name: np.zeros(1, np.float32)})


class Net:
    """Stands for a user's class that was pickled whole."""


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickled_module_is_refused_by_the_name_of_its_class(protocol: int) -> None:
    data = pickle.dumps({"protocol_version": 1, "data": Net()}, protocol)
    with pytest.raises(UnsafeModel, match=r"pickled .*Net"):
        pickled.tensors(data)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_the_system_is_unsafe(protocol: int) -> None:
    with pytest.raises(UnsafeModel, match="system"):
        pickled.tensors(pickle.dumps({"data": Attack()}, protocol))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x04N.", id="none"),
        pytest.param(pickle.dumps({"protocol_version": 1, "data": OrderedDict()}, 4), id="empty"),
        pytest.param(pickle.dumps({"protocol_version": 1, "data": {}}, 4)[:-3], id="cut-short"),
        pytest.param(b"\x80\x04h\x07.", id="memo-that-was-never-written"),
        pytest.param(b"\x80\x04s.", id="empty-stack"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_damaged_pickle_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptModel):
        pickled.tensors(data)


def test_weights_of_another_architecture_are_named() -> None:
    with pytest.raises(UnsupportedFeature, match=r"1 of 2 weights .* fc\.bias"):
        check({"fc.weight": (2, 3)}, {"fc.weight": np.zeros((2, 3)), "fc.bias": np.zeros(2)})


def test_the_empty_file_of_the_older_layout_is_recognised_by_name() -> None:
    assert match_state(Head("snapshot_done", b"", (), 0)) > 0.5
    assert match_state(Head("weights.bin", b"", (), 0)) == 0.0
