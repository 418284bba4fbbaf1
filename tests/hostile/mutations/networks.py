"""ONNX models with one fault each; ``onnx_mutations.py`` writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mutations.case import Case, Files

BROKEN, FEATURE = "corrupt-model", "unsupported-feature"
# Fault: what meets it, the words of the answer, its code ("" where it is taken).
FAULTS: dict[str, tuple[str, str, str]] = {
    "data-short": ("native", "no valid model", BROKEN),
    "data-long": ("taken", "", ""),
    "dims-negative": ("guard", "impossible sizes", BROKEN),
    "dims-overflow": ("guard", "impossible sizes", BROKEN),
    "dims-huge": ("guard", "impossible sizes", BROKEN),
    "type-unknown": ("taken", "", ""),
    "data-twice": ("taken", "", ""),
    "cycle": ("native", "no valid model", BROKEN),
    "duplicate-output": ("native", "no valid model", BROKEN),
    "missing-input": ("native", "no valid model", BROKEN),
    "unknown-operator": ("native", "in no ONNX operator set", "custom-op"),
    "attribute-type": ("native", "no valid model", BROKEN),
    "kernel-mismatch": ("taken", "", ""),
    "group-zero": ("taken", "", ""),
    "stride-zero": ("taken", "", ""),
    "pads-huge": ("taken", "", ""),
    "opset-none": ("native", "no valid model", BROKEN),
    "opset-future": ("taken", "", ""),
    "no-graph-output": ("taken", "", ""),
    "names-markup": ("taken", "", ""),
    "names-paths": ("taken", "", ""),
    "names-code": ("taken", "", ""),
    "names-of-10-kb": ("taken", "", ""),
    "metadata-of-40-mb": ("taken", "", ""),
    "inputs-of-64-mb": ("taken", "more than 4 MiB", "too-large"),
    "sizes-of-many-axes": ("taken", "", ""),
    "bytes-after": ("native", "do not decode", BROKEN),
    "bytes-truncated": ("native", "cut short", BROKEN),
    "text-not-utf8": ("taken", "", ""),
    "zip-behind": ("intake", "no kind we know", "unknown-format"),
    "protobuf-nested": ("native", ".", BROKEN),
    "branches-nested": ("guard", "more than 16 deep", FEATURE),
    "function-recursive": ("guard", "calls itself", BROKEN),
    "function-bomb": ("guard", "nodes once its functions", FEATURE),
    "loop-endless": ("taken", "", ""),
    "range-bomb": ("guard", "elements", FEATURE),
    "fill-bomb": ("guard", "elements", FEATURE),
    "tile-bomb": ("guard", "elements", FEATURE),
    "pad-bomb": ("guard", "elements", FEATURE),
    "resize-nan": ("taken", "", ""),
    "gather-outside": ("taken", "", ""),
    "reshape-negative": ("taken", "", ""),
    "axis-outside": ("taken", "", ""),
    "split-wrong": ("taken", "", ""),
    "compare-nan": ("taken", "", ""),
    "sparse-outside": ("taken", "", ""),
    "operators-20000": ("taken", "more than 4 MiB", "too-large"),
}
OUTSIDE = "lies outside"
EXTERNAL = {
    "dotdot": OUTSIDE,
    "absolute": OUTSIDE,
    "device": OUTSIDE,
    "proc": OUTSIDE,
    "canary": OUTSIDE,
    "self": "names itself",
    "nul": OUTSIDE,
    "long": OUTSIDE,
    "none": OUTSIDE,
    "missing": "is missing",
    "offset-negative": "offset is no number",
    "offset-beyond": "is no number|ends at byte",
    "offset-overflow": "offset is no number",
    "offset-words": "offset is no number",
    "offset-digits": "offset is no number",
    "length-beyond": "ends at byte",
    "length-short": "needs 864 bytes",
    "key-twice": "described wrongly",
    "key-unknown": "described wrongly",
    "basepath": "",  # onnx writes it and nobody follows it
    "sparse": OUTSIDE,
    "attribute": OUTSIDE,
}
TARGETS = ("openvino", "mnn", "ort", "openvino", "mnn", "ncnn")


def written(name: str, *beside: str) -> Callable[[Mapping[str, Files]], Files]:
    """Return a builder that takes what the script wrote."""

    def build(sound: Mapping[str, Files]) -> Files:
        made = sound["written"]
        return {"m.onnx": made[f"{name}.onnx"], **{other: made[other] for other in beside}}

    return build


CASES = [
    *(
        Case(f"onnx-{id}", "onnx", written(id), reach, says, code, TARGETS[k % len(TARGETS)])
        for k, (id, (reach, says, code)) in enumerate(FAULTS.items())
    ),
    *(
        Case(
            f"external-{id}",
            "onnx-external",
            written(f"external-{id}", "w.data"),
            "guard" if says else "taken",
            says,
            BROKEN if says else "",
            "openvino",
        )
        for id, says in EXTERNAL.items()
    ),
]
