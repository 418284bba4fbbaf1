"""Resizing and sampling at given places."""

from __future__ import annotations

from typing import Any

from modelport_plugins.oneflow.mlir import Operation
from modelport_plugins.oneflow.operators.layer import channels_first
from modelport_plugins.oneflow.writer import Writer

SCALES = ("depth_scale", "height_scale", "width_scale")


def _resized(mode: str) -> Any:
    def emit(w: Writer, op: Operation, x: list[str]) -> str:
        channels_first(op)
        given = op.attributes
        places = "align_corners" if given.get("align_corners") else "half_pixel"
        more: dict[str, Any] = {"mode": mode}
        if mode == "nearest":
            places, more["nearest_mode"] = "asymmetric", "floor"
        if mode == "cubic":
            more["cubic_coeff_a"] = -0.75
        shape = op.result_types[0].shape
        scales = [given[key] for key in SCALES if key in given] or [given.get("scale_factor", 1.0)]
        if given.get("output_size"):
            inputs = [x[0], "", "", w.sizes(shape)]
        else:
            inputs = [x[0], "", w.array([1.0, 1.0, *scales], "float32")]
        made: str = w.add("Resize", inputs, coordinate_transformation_mode=places, **more)
        return made

    return emit


def _affine_grid(w: Writer, op: Operation, x: list[str]) -> str:
    """Multiply the places of a regular grid (2-D or 3-D) by a matrix a sample."""
    import numpy as np

    sizes = op.attributes["size"][2:]
    lines = []
    for size in sizes:
        line = np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
        lines.append(line if op.attributes["align_corners"] else line * (size - 1) / size)
    mesh = np.meshgrid(*lines, indexing="ij")
    places = np.stack([*reversed(mesh), np.ones(sizes)], axis=-1).reshape(1, -1, len(sizes) + 1)
    turned = w.transpose(x[0], [0, 2, 1])
    product = w.add("MatMul", [w.array(places, w.kinds[x[0]]), turned])
    return w.reshape(product, op.result_types[0].shape)


def _grid_sample(w: Writer, op: Operation, x: list[str]) -> str:
    made: str = w.add(
        "GridSample",
        x,
        mode=op.attributes["interpolation_mode"],
        padding_mode=op.attributes["padding_mode"],
        align_corners=int(op.attributes["align_corners"]),
    )
    return made


TABLE: dict[str, Any] = {
    "upsample_nearest_1d": _resized("nearest"),
    "upsample_nearest_2d": _resized("nearest"),
    "upsample_nearest_3d": _resized("nearest"),
    "upsample_linear_1d": _resized("linear"),
    "upsample_bilinear_2d": _resized("linear"),
    "upsample_trilinear_3d": _resized("linear"),
    "upsample_bicubic_2d": _resized("cubic"),
    "affine_grid": _affine_grid,
    "grid_sample": _grid_sample,
}
