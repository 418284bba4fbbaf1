"""Resize, Upsample and GridSample."""

from __future__ import annotations

from typing import Any

from modelport_plugins.pytorch.source import Source
from modelport_sdk import UnsupportedOperator

NO_INTS, NO_FLOATS = "torch.jit.annotate(list[int], [])", "torch.jit.annotate(list[float], [])"


def _given(src: Source, node: Any, place: int) -> str:
    """Return the name of an input that is there and not empty."""
    name = node.input[place] if place < len(node.input) else ""
    array = src.const(name) if name else None
    return "" if array is not None and array.size == 0 else name


def _floats(src: Source, name: str) -> str:
    array = src.const(name)
    if array is not None:
        return str([float(item) for item in array.reshape(-1)])
    return f"resize.floats({src.tensor(name)})"


def _resize(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    early = node.op_type == "Upsample" or src.opset < 11
    mode = attrs.get("coordinate_transformation_mode", "asymmetric" if early else "half_pixel")
    unsupported = (
        mode == "tf_crop_and_resize" or attrs.get("antialias") or attrs.get("exclude_outside")
    )
    if unsupported or attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedOperator(f"Resize with these settings ({mode})", operators=["Resize"])
    kind = attrs.get("mode", "nearest")
    rounding = attrs.get("nearest_mode", "floor" if early else "round_prefer_floor")
    place = 1 if early else 2
    scale_name, size_name = _given(src, node, place), _given(src, node, 3)
    scales = str(list(attrs["scales"])) if "scales" in attrs else NO_FLOATS
    scales = _floats(src, scale_name) if scale_name and not size_name else scales
    sizes = src.ints(size_name) if size_name else NO_INTS
    axes = str(list(attrs["axes"])) if "axes" in attrs else NO_INTS
    names = f'"{kind}", "{mode}", "{rounding}", {attrs.get("cubic_coeff_a", -0.75)!r}'
    x = src.tensor(node.input[0])
    src.set(node.output[0], f"resize.resize({x}, {sizes}, {scales}, {axes}, {names})")


def _grid_sample(src: Source, node: Any, attrs: dict[str, Any]) -> None:
    kinds = {"linear": "bilinear", "cubic": "bicubic"}
    kind = attrs.get("mode", "linear")
    x, grid = src.tensor(node.input[0]), src.tensor(node.input[1])
    rest = f'"{kinds.get(kind, kind)}", "{attrs.get("padding_mode", "zeros")}"'
    corners = bool(attrs.get("align_corners", 0))
    src.set(node.output[0], f"torch.nn.functional.grid_sample({x}, {grid}, {rest}, {corners})")


TABLE = {"Resize": _resize, "Upsample": _resize, "GridSample": _grid_sample}
