"""Resizing and sampling."""

from __future__ import annotations

from typing import Any

from modelport_sdk import UnsupportedFeature

HALF = ("half_pixel", "pytorch_half_pixel")
LINEAR = {3: "linear", 4: "bilinear", 5: "trilinear"}


def _resized(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    x = g.tensor(node.input[0])
    places = attrs.get("coordinate_transformation_mode", "half_pixel")
    rounding = attrs.get("nearest_mode", "round_prefer_floor")
    names = [*node.input, "", "", ""]
    if node.op_type == "Upsample" or len(node.input) == 2:  # as they were before opset 11
        places, rounding = "asymmetric", "floor"
        names = ["", "", [*node.input, ""][1], ""]
    scales = g.held.get(names[2]) if names[2] else attrs.get("scales")
    if scales is not None and not len(scales):
        scales = None
    target = _target(g, x, scales, names[3], attrs)
    mode, given = _mode(attrs, places, rounding, len(x.shape), scales)
    return g.F.interpolate(x, mode=mode, **target, **given)


def _target(g: Any, x: Any, scales: Any, sizes: str, attrs: dict[str, Any]) -> dict[str, Any]:
    """Return ``size`` or ``scale_factor`` of the spatial axes."""
    if attrs.get("axes") or attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedFeature("Resize of chosen axes, or that keeps proportions")
    if sizes:
        wanted = g.numbers(sizes)
        if isinstance(wanted, list):
            return {"size": wanted[2:]}
        return {"size": g.p.cast(g.p.slice(wanted, [0], [2], [len(x.shape)]), "int32")}
    if scales is None or len(scales) != len(x.shape):
        raise UnsupportedFeature("Resize by scales that are computed is not written")
    factors = [float(scale) for scale in scales]
    if factors[:2] != [1.0, 1.0]:
        raise UnsupportedFeature("Resize of the batch or of channels is not written")
    return {"scale_factor": factors[2:]}


def _mode(
    attrs: dict[str, Any], places: str, rounding: str, rank: int, scales: Any
) -> tuple[str, dict[str, Any]]:
    mode = attrs.get("mode", "nearest")
    if mode == "nearest" and rank == 4:
        # Of whole multiples, the middle of each element falls into the same one.
        whole = scales is not None and all(float(s) >= 1 and float(s) % 1 == 0 for s in scales)
        middle = places in HALF and rounding == "round_prefer_floor" and whole
        if middle or (places, rounding) == ("asymmetric", "floor"):
            return "nearest", {}
    if mode == "linear" and rank in LINEAR and places in {*HALF, "align_corners", "asymmetric"}:
        aligned = places == "align_corners"
        return LINEAR[rank], {"align_corners": aligned, "align_mode": int(places == "asymmetric")}
    cubic = attrs.get("cubic_coeff_a", -0.75) == -0.75 and not attrs.get("exclude_outside")
    if mode == "cubic" and rank == 4 and cubic and places in {*HALF, "align_corners"}:
        return "bicubic", {"align_corners": places == "align_corners"}
    raise UnsupportedFeature(f"Resize of mode {mode}, {places}, {rounding}, over {rank} axes")


def _sampled(g: Any, node: Any, attrs: dict[str, Any]) -> Any:
    mode = {"linear": "bilinear"}.get(attrs.get("mode", "linear"), attrs.get("mode", "bilinear"))
    if mode not in {"bilinear", "nearest"}:
        raise UnsupportedFeature(f"GridSample of mode {mode} is not written")
    x, grid = map(g.tensor, node.input)
    return g.F.grid_sample(
        x,
        grid,
        mode=mode,
        padding_mode=attrs.get("padding_mode", "zeros"),
        align_corners=bool(attrs.get("align_corners", 0)),
    )


TABLE: dict[str, Any] = {"Resize": _resized, "Upsample": _resized, "GridSample": _sampled}
