"""What OpenVINO's frontends say when they fail, as typed errors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelport_sdk import (
    CorruptModel,
    CustomOperator,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
)

NO_RULE = re.compile(r"No conversion rule found for operations: (.+)")
FAILED = re.compile(r"Conversion is failed for: (.+)")
VERSION = re.compile(r"-\d+$")
# Domains of published operator sets; PyTorch's operators are written aten::name.
PUBLISHED = ("com.microsoft.", "ai.onnx.", "aten::", "prim::", "quantized::", "torchvision::")
UNREADABLE = ("can't be parsed", "Cannot recognize input model", "Could not open")
NOISE = (
    "Check '",
    "Exception from ",
    "FrontEnd API failed",
    "While validating",
    "[ONNX Frontend]",
    "-- ",
    "Summary:",
)


def refusal(exc: Exception, counts: Mapping[str, int]) -> PluginError:
    """Return the typed error for ``exc``; ``counts`` holds the source's operators.

    Source: openvino 2026.4, ``src/frontends/common_translators/src/unconverted_ops_report.cpp``.
    """
    text = str(exc)
    if any(phrase in text for phrase in UNREADABLE):
        return CorruptModel(
            "openvino cannot read the source model", hint="Check that the file is complete."
        )
    missing = _names(NO_RULE, text)
    if missing:
        custom = all("." in name and not name.startswith(PUBLISHED) for name in missing)
        kind = CustomOperator if custom else UnsupportedOperator
        return kind(
            f"{', '.join(missing)} {'has' if len(missing) == 1 else 'have'} no counterpart in"
            " openvino",
            hint="Replace the operator before the export, or choose another target.",
            operators=_counted(missing, counts),
        )
    failed = _names(FAILED, text)
    why = reason(text)
    subject = f"{', '.join(failed)} as this model uses it" if failed else "this model"
    return UnsupportedFeature(
        f"openvino cannot convert {subject}: {why}",
        hint="Fix the input shapes or simplify the model first.",
        operators=_counted(failed, counts),
    )


def _names(pattern: re.Pattern[str], text: str) -> list[str]:
    found = pattern.search(text)
    listed = found.group(1).split(",") if found else []
    return list(dict.fromkeys(VERSION.sub("", name.strip()) for name in listed if name.strip()))


def _counted(names: list[str], counts: Mapping[str, int]) -> dict[str, int]:
    # Ours are "domain::Op", theirs "domain.Op".
    ours = {name.replace("::", "."): name for name in counts}
    known = [ours.get(name.replace("::", "."), name) for name in names]
    return {name: counts.get(name, 1) for name in known}


def reason(text: str) -> str:
    """Return the first line of OpenVINO's words that says what is wrong rather than where."""
    lines = [line.strip() for line in text.splitlines()]
    plain = [line for line in lines if line and not line.startswith(NOISE)]
    plain = [line for line in plain if not line.startswith("Model wasn't fully converted")]
    return plain[0][:200] if plain else lines[0][:200] if lines else "no reason given"
