"""Facts about hints, the inspector, the runtime and the files they read."""

import builders
import numpy as np
import onnx
from bench import context, inspected, outputs, refused, same

from modelport_onnx import external, hints, weights
from modelport_onnx import graph as graphs
from modelport_plugins.onnx import inspect, runtime
from modelport_plugins.onnx.passes.int8_static import samples


def check_hints_name_the_range_of_an_index():
    assert hints.hints(builders.embedding()) == {"ids": {"minimum": 0, "maximum": 49}}


def check_hints_name_the_values_of_a_scalar():
    assert hints.hints(builders.rate()) == {"sr": {"values": [16000, 8000]}}


def check_the_inspector_describes():
    found = inspected("old_softmax")
    assert [value["name"] for value in found["inputs"]] == ["x"]
    assert found["operators"] == {"Conv": 1, "GlobalAveragePool": 1, "Softmax": 1}
    assert found["parameters"] == {"float32": 189}
    assert found["opsets"] == {"ai.onnx": 9}


def check_the_inspector_counts_operators_in_branches():
    assert inspected("rate")["operators"] == {"MatMul": 2, "Equal": 1, "If": 1}
    assert inspected("rate")["details"]["control_flow"] == ["If"]


def check_the_inspector_names_sequences():
    assert inspected("pieces")["outputs"][0]["dtype"] == "sequence(float32)"


def check_an_unknown_operator_is_named():
    assert refused("custom-op", inspected, "unknown_operator").operators == {"Frobnicate": 1}


def check_a_foreign_operator_is_listed_not_refused():
    assert inspected("foreign_operator")["details"]["custom_operators"] == {"acme::Frobnicate": 1}


def check_a_missing_input_is_corrupt():
    assert "nowhere" in str(refused("corrupt-model", inspected, "missing_input"))


def check_broken_files_say_what_they_look_like():
    whole = builders.perceptron().SerializeToString()
    for data, words in (
        (b"", "is empty"),
        (whole[:200], "is cut short"),
        (b"hello\nworld\n", "is a text file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG picture"),
        (np.random.default_rng(0).bytes(4000), "do not decode"),
    ):
        ctx = context("broken")
        path = ctx.job / "in" / "model.onnx"
        path.write_bytes(data)
        assert words in str(refused("corrupt-model", inspect.inspect_onnx.inspect, path, ctx))


def check_external_data_is_checked():
    ctx = context("outside")
    path = ctx.job / "in" / "model.onnx"
    onnx.save(
        builders.perceptron(), str(path), save_as_external_data=True, location="w.bin",
        size_threshold=100,
    )  # fmt: skip
    assert inspect.inspect_onnx.inspect(path, ctx)["details"]["external_files"] == ["w.bin"]
    data = (path.parent / "w.bin").read_bytes()
    (path.parent / "w.bin").write_bytes(data[:50])
    assert "ends at byte" in str(refused("corrupt-model", inspect.inspect_onnx.inspect, path, ctx))
    (path.parent / "w.bin").unlink()
    missing = refused("corrupt-model", inspect.inspect_onnx.inspect, path, ctx)
    assert "w.bin" in str(missing)
    assert missing.hint == "Send model.onnx together with w.bin, as several files or a zip."
    made = graphs.load(path, weights=False)
    for tensor, _ in external.entries(made):
        tensor.external_data[0].value = "../w.bin"
    refused("corrupt-model", external.check, made, path.parent, path.name)


def check_the_runtime_has_its_variants():
    ctx = context("variants")
    path = ctx.job / "in" / "model.onnx"
    builders.save("conv_bn_relu", path)
    feeds = builders.feeds(builders.conv_bn_relu())
    want = runtime.run_onnx.load(path, "plain", ctx)(feeds)["y"]
    scale = np.abs(want).max()
    limits = {
        "unoptimised": (0, 1e-5), "basic": (0, 1e-5), "weights-ulp": (1e-9, 1e-5),
        "weights-fp16": (1e-6, 1e-2), "fault:0": (1e-5, 0.1), "fault:1": (1e-5, 0.1),
    }  # fmt: skip
    for variant, (low, high) in limits.items():
        moved = np.abs(runtime.run_onnx.load(path, variant, ctx)(feeds)["y"] - want).max() / scale
        assert low <= moved <= high, (variant, moved)
    for variant in ("fault:9", "default"):
        try:
            runtime.run_onnx.load(path, variant, ctx)
        except LookupError:
            continue
        raise AssertionError(variant)


def check_a_sequence_becomes_numbered_outputs():
    feeds = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
    got = outputs(builders.pieces(), feeds)
    assert list(got) == ["y[0]", "y[1]", "y[2]"]
    assert got["y[1]"].tolist() == [1, 4]


def check_weights_are_found_behind_rearrangements():
    assert [w.name for w in weights.weights(builders.cast_weights())] == ["k"]


def check_faults_prefer_weights_outside_of_branches_and_are_spread():
    made = builders.perceptron()
    assert [w.name for w in weights.faults(made, 5)] == ["w1", "w2"]


def check_calibration_samples_are_cut_along_the_first_axis():
    path = context("samples").job / "c.npz"
    np.savez(path, x=np.zeros((3, 16)))
    assert [feed["x"].shape for feed in samples(path, builders.perceptron())] == [(1, 16)] * 3
    np.savez(path, z=np.zeros((3, 16)))
    assert "no array x" in str(refused("bad-option", samples, path, builders.perceptron()))


def check_large_models_keep_their_weights_beside_the_file():
    made = builders.perceptron()
    ctx = context("large")
    limit, graphs.EXTERNAL_LIMIT = graphs.EXTERNAL_LIMIT, 100
    try:
        graphs.save(made, ctx.job / "out" / "m.onnx")
    finally:
        graphs.EXTERNAL_LIMIT = limit
    assert (ctx.job / "out" / "m.onnx.data").is_file()
    made = builders.perceptron()  # the saved message refers to the file now
    same(made, graphs.load(ctx.job / "out" / "m.onnx"), builders.feeds(made))
