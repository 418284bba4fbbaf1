"""GELU in the form that MNN computes as it stands.

MNN 3.6.1 has a layer for it whose error function is an approximation: 6e-5 of the output's
scale, a hundred times the rounding. It is used for the operator, and for the usual order of
multiplications; with the half taken first, MNN computes erf itself.
"""

from __future__ import annotations

from typing import Any

from modelport_plugins.mnn.rewrites import wide_or_half


def exact_gelu(model: Any) -> int:
    """Write GELU as ``x * (0.5 * (1 + erf(x / sqrt 2)))``; return how many were changed."""
    from modelport_onnx import graph

    return sum(_operators(part) + _chains(part) for part in graph.subgraphs(model.graph))


def _operators(part: Any) -> int:
    """Write the operator out; the one with tanh is another function and stays."""
    from modelport_onnx import writer

    return 0 if wide_or_half(part) else writer.replaced_in(part, {"Gelu"}, _written)


def _written(part: Any, node: Any) -> list[Any] | None:
    import numpy as np
    from onnx import helper, numpy_helper

    if not all(a.s in (b"", b"none") for a in node.attribute):
        return None
    source, target = node.input[0], node.output[0]
    held = []
    for name, value in (("root", 2**0.5), ("one", 1.0), ("half", 0.5)):
        held.append(f"{target}/{name}")
        part.initializer.append(numpy_helper.from_array(np.array(value, "float32"), held[-1]))
    steps = [f"{target}/{name}" for name in ("scaled", "erf", "raised", "share")]
    return [
        helper.make_node("Div", [source, held[0]], [steps[0]]),
        helper.make_node("Erf", [steps[0]], [steps[1]]),
        helper.make_node("Add", [steps[1], held[1]], [steps[2]]),
        helper.make_node("Mul", [steps[2], held[2]], [steps[3]]),
        helper.make_node("Mul", [source, steps[3]], [target]),
    ]


def _chains(part: Any) -> int:
    """Turn ``(x * (1 + erf)) * 0.5`` into ``x * ((1 + erf) * 0.5)``, which is the same exactly."""
    from onnx import TensorProto, numpy_helper

    from modelport_onnx import graph

    # A number in a second file was not read, and is seldom a lone one.
    constants = graph.constants(part).items()
    held = {name: t for name, t in constants if t.data_location != TensorProto.EXTERNAL}
    makers = {name: node for node in part.node for name in node.output}
    readers: dict[str, int] = {}
    for name in [n for node in part.node for n in node.input] + [v.name for v in part.output]:
        readers[name] = readers.get(name, 0) + 1

    def half(name: str) -> bool:
        array = numpy_helper.to_array(held[name]) if name in held else None
        return array is not None and array.size == 1 and float(array.reshape(())) == 0.5

    changed = 0
    for node in part.node:
        if node.op_type != "Mul" or not any(map(half, node.input)):
            continue
        constant = next(filter(half, node.input))
        inner_name = next((name for name in node.input if name != constant), "")
        inner = makers.get(inner_name)
        if inner is None or inner.op_type != "Mul" or readers[inner_name] != 1:
            continue
        raised = next((name for name in inner.input if _is_raised(makers, name)), None)
        if raised is None:
            continue
        other = next((name for name in inner.input if name != raised), raised)
        inner.input[:] = [raised, constant]
        node.input[:] = [other, inner_name]
        changed += 1
    if changed:
        graph.sort(part)  # the half may be made behind the product that takes it now
    return changed


def _is_raised(makers: dict[str, Any], name: str) -> bool:
    """Tell whether ``name`` is the error function of something, and a number more."""
    add = makers.get(name)
    return (
        add is not None
        and add.op_type == "Add"
        and any(n in makers and makers[n].op_type == "Erf" for n in add.input)
    )
