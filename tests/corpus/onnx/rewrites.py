"""Facts about rewrites: what they change, and that the outputs stay."""

import builders
import numpy as np
import quantised
from bench import context, outputs, rewritten, same

from modelport_onnx import decompose, fold, rewrite
from modelport_onnx import graph as graphs
from modelport_onnx.dequantise import dequantise
from modelport_plugins.onnx import steps


def check_reductions_become_poolings():
    after = rewritten("reductions", decompose.decompose, 2)
    assert "ReduceMax" not in graphs.operator_counts(after)


def check_an_lstm_step_becomes_gates():
    assert "LSTM" not in graphs.operator_counts(rewritten("lstm_step", decompose.split_lstm, 1))


def check_a_branch_becomes_a_blend():
    assert "If" not in graphs.operator_counts(rewritten("flat_condition", decompose.blend_branches))


def check_safe_division_is_zero_at_zero():
    after = rewritten("safe_division", decompose.divide_no_nan, 1)
    feeds = {"a": np.ones((1, 8), np.float32), "b": np.zeros((1, 8), np.float32)}
    feeds["b"][0, 0] = 1e-20
    same(builders.safe_division(), after, feeds)


def check_cuts_along_axis_0_are_flattened():
    assert "Gather" not in graphs.operator_counts(rewritten("selected", decompose.flatten_selects))


def check_shape_arithmetic_folds_away():
    after = rewritten("shape_arithmetic", lambda m: fold.fold(m)["nodes"])
    assert set(graphs.operator_counts(after)) == {"Reshape", "MatMul"}


def check_float16_arithmetic_is_left_to_the_runtime():
    rewritten("half_constant", lambda m: fold.fold(m)["nodes"], 0)


def check_a_known_branch_is_taken():
    before = builders.rate()
    for value, name in ((16000, "t_w"), (8000, "e_w")):
        after = graphs.copy(before)
        rewrite.bind_input(after, "sr", np.array(value, np.int64))
        fold.fold(after)
        assert [t.name.rpartition("/")[2] for t in after.graph.initializer] == [name]
        feeds = {**builders.feeds(before), "sr": np.array(value, np.int64)}
        same(before, after, feeds, drop=("sr",))


def check_initialisers_leave_the_inputs():
    after = rewritten("old_softmax", rewrite.drop_initializer_inputs, 1)
    assert [value.name for value in after.graph.input] == ["x"]
    assert after.ir_version == 4


def check_softmax_gets_its_axis():
    after = rewritten("old_softmax", rewrite.explicit_axis, 1)
    assert after.graph.node[-1].attribute[0].i == 1


def check_conditions_get_rank_0():
    rewritten("flat_condition", rewrite.scalar_conditions, 1)
    assert rewrite.scalar_conditions(builders.rate()) == 1  # its rank is not in the file


def check_no_ops_go():
    after = rewritten("shape_arithmetic", rewrite.remove_no_ops, 1)
    assert "Identity" not in graphs.operator_counts(after)


def check_nodes_are_sorted():
    made = builders.unsorted()
    assert graphs.sort(made.graph)
    assert [node.op_type for node in made.graph.node] == ["MatMul", "Relu"]
    assert not graphs.sort(made.graph)


def check_a_step_that_breaks_the_model_is_left_out():
    def spoil(model):
        model.graph.node[0].op_type = "Frobnicate"
        return 1

    ctx = context("spoil")
    all_steps = [steps.Step(spoil, "{} spoilt"), *steps.NORMALISE]
    after = steps.apply(builders.old_softmax(), all_steps, ctx)
    assert [value.name for value in after.graph.input] == ["x"]
    assert ctx.notes[0] == "left out, since it broke the model: 1 spoilt"


def check_what_cannot_be_raised_is_a_runtime_error():
    text = ""
    try:
        rewrite.raise_opset(builders.gelu(), 13)
    except RuntimeError as exc:
        text = str(exc)
    assert "Gelu" in text


def check_a_dynamically_quantised_model_becomes_the_one_it_was_made_of():
    after = quantised.quantised_tagger()
    assert dequantise(after) == 3
    kinds = {name for name in graphs.operator_counts(after) if "Quant" in name or "Integer" in name}
    assert kinds == set(), kinds
    for seed in range(3):
        feeds = builders.feeds(quantised.tagger(), seed)
        want, got = outputs(quantised.tagger(), feeds)["y"], outputs(after, feeds)["y"]
        # 127 levels a weight; the sums average most of the rounding out.
        assert np.abs(got - want).max() <= 0.02 * np.abs(want).max()


def check_a_quantised_range_still_cuts_off():
    after = quantised.quantised_layer()
    assert dequantise(after) == 2
    for seed in range(3):
        feeds = builders.feeds(quantised.quantised_layer(), seed)
        want, got = outputs(quantised.quantised_layer(), feeds)["y"], outputs(after, feeds)["y"]
        assert want.min() == 0
        assert np.abs(got - want).max() <= 0.0101, "half a step of 0.02"
