"""Runs MNN's converter in a child process, and says what its log means.

Source: MNN 3.6.1, the extension module ``_tools``. Its Python wrapper ``MNN.tools`` and the
console scripts are never touched: importing them installs packages and reports usage. The
function answers True whatever happens, so the file, the words "Converted Success!" and a
load in the same child decide.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelport_sdk import (
    Context,
    CorruptModel,
    CustomOperator,
    Finished,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
)

# A crash after the conversion (in the load) has to be told from one in it.
CHILD = """
import sys
import _tools
_tools.mnnconvert(["MNNConvert", *sys.argv[2:]])
sys.stdout.flush()
print("modelport: loading", flush=True)
from MNN import nn
nn.load_module_from_file(sys.argv[1], [], [])
print("modelport: loaded", flush=True)
"""
SUCCESS = "Converted Success!"
LOADING = "modelport: loading"
LOADED = "modelport: loaded"
UNSUPPORTED = re.compile(r"These Op Not Support: (.+)")
STAMP = re.compile(r"^\[\d\d:\d\d:\d\d\] :\d+: ")
NOISE = ("The device supports", "Start to ", "ONNX Model", "inputTensors", "outputTensors", LOADING)
PUBLISHED = ("ai.onnx", "com.microsoft", "com.ms.internal.nhwc")


def mnnconvert(source: Path, target: Path, arguments: Sequence[str], ctx: Context) -> Finished:
    """Convert ``source`` to ``target`` and load it, in one child process."""
    return ctx.run_tool(
        [
            sys.executable,
            "-I",
            "-c",
            CHILD,
            str(target),
            "-f",
            "ONNX",
            "--modelFile",
            str(source.resolve()),
            "--MNNModel",
            str(target),
            "--bizCode",
            "modelport",
            *arguments,
        ]
    )


def succeeded(done: Finished, target: Path) -> bool:
    """Tell whether the child wrote a model and loaded it."""
    return done.status == 0 and target.is_file() and SUCCESS in done.text and LOADED in done.text


def refusal(done: Finished, counts: Mapping[str, int]) -> PluginError:
    """Return the typed error for a child that failed; ``counts`` are the source's operators."""
    named = UNSUPPORTED.search(done.text)
    if named:
        return _unsupported([name for name in named.group(1).split() if name != "|"], counts)
    if "read onnx model failed" in done.text or "Model file is not onnx model" in done.text:
        return CorruptModel(
            "mnn cannot read the source model", hint="Check that the file is complete."
        )
    where = (
        "loading what it wrote" if LOADING in done.text and SUCCESS in done.text else "converting"
    )
    how = f"crashed (signal {-done.status})" if done.status < 0 else "failed"
    return UnsupportedFeature(
        f"mnn {how} {where}{_last_words(done.text)}",
        hint="Simplify the model or fix its input shapes first.",
    )


def _unsupported(names: Sequence[str], counts: Mapping[str, int]) -> PluginError:
    types = list(dict.fromkeys(name.rpartition("::")[2] for name in names))
    full = {name.rpartition("::")[2]: name for name in counts}
    operators = {full.get(kind, kind): counts.get(full.get(kind, kind), 1) for kind in types}
    custom = all("::" in name and not name.startswith(PUBLISHED) for name in operators)
    kind = CustomOperator if custom else UnsupportedOperator
    verb = "has" if len(operators) == 1 else "have"
    return kind(
        f"{', '.join(operators)} {verb} no counterpart in mnn",
        hint="Replace the operator before the export, or choose another target.",
        operators=operators,
    )


def _last_words(text: str) -> str:
    lines = [STAMP.sub("", line.strip()) for line in text.splitlines()]
    plain = [line for line in lines if line and not line.startswith(NOISE)]
    words = [line for line in plain if SUCCESS not in line and "Traceback" not in line]
    return f": {words[-1][:200]}" if words else ""
