"""Runs the pnnx binary, and says what it wrote or why it wrote nothing of use.

Source: pnnx 20261020 (Tencent/ncnn, ``tools/pnnx``). The binary is called, not the package:
importing that costs two seconds of PyTorch. pnnx writes beside its input, exits 0 with
operators left that ncnn has never heard of, and crashes on many graphs that are valid.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelport_sdk import (
    Context,
    CustomOperator,
    Finished,
    PluginError,
    UnsupportedFeature,
    UnsupportedOperator,
)

NO_BATCH = 233
STEM = "model"
# dtypes as pnnx writes them. Source: tools/pnnx/src/main.cpp.
DTYPES = {
    "float32": "f32",
    "float64": "f64",
    "float16": "f16",
    "bfloat16": "bf16",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "bool": "bool",
}
LOAD = """
import json, sys
import ncnn
types = json.loads(sys.argv[3])
unknown = [name for name in types if ncnn.layer_to_index(name) < 0]
net = ncnn.Net()
net.opt.num_threads = 1
status = [net.load_param(sys.argv[1]), net.load_model(sys.argv[2])] if not unknown else []
print("modelport: " + json.dumps({"unknown": unknown, "status": status}), flush=True)
"""
INPUT = re.compile(r'ex\.input\("(\w+)", ncnn\.Mat\((.*?)(?:, batch_index=(\d+))?\)\.clone\(\)\)')
OUTPUT = re.compile(r"(\w+)\.numpy\((?:.*?batch_index=(\d+))?\)")
UNREGISTERED = re.compile(r"([\w.]*):(\w+)\(-?\d+\) is not a registered function/op")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SETTINGS = re.compile(r"^\w+ = ")
NOISE = (
    "#",
    "\u2502",
    "\u250c",
    "\u2514",
    "\u251c",
    "----",
    "FLOPS",
    "memory OPS",
    "model inputshape",
)
PHASE = re.compile(r"^[a-z_0-9]+ \.\.\. +[\d.]+ms$")


@dataclass(frozen=True)
class Written:
    """What pnnx left: the files, and the batch axis of each input and output in order."""

    param: Path
    bin: Path
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def pnnx_binary() -> Path:
    """Return the path of pnnx in this environment."""
    import importlib.util

    found = importlib.util.find_spec("pnnx")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("pnnx")
    return Path(found.submodule_search_locations[0]) / "pnnx"


def shape_argument(shapes: Sequence[tuple[Sequence[int], str]]) -> str:
    """Return e.g. ``"[1,3,224,224]f32,[1,5]i64"``."""
    return ",".join(f"[{','.join(map(str, s))}]{DTYPES[d]}" for s, d in shapes)


def pnnx(
    source: Path,
    shapes: Sequence[tuple[Sequence[int], str]],
    ctx: Context,
    *,
    fp16: bool,
    counts: Mapping[str, int],
) -> Written:
    """Run pnnx on ``source``, a file in a folder of its own, and load the result in ncnn.

    Raises:
        UnsupportedOperator: Layers are left that ncnn does not have.
        UnsupportedFeature: pnnx crashed or failed, or ncnn does not load the result.
    """
    arguments = [str(pnnx_binary()), source.name, f"fp16={int(fp16)}"]
    if shapes:
        arguments.append(f"inputshape={shape_argument(shapes)}")
    done = ctx.run_tool(arguments, cwd=source.parent)
    stem = source.stem
    names = (f"{stem}.ncnn.param", f"{stem}.ncnn.bin", f"{stem}_ncnn.py")
    files = [source.parent / name for name in names]
    if done.status != 0 or not all(file.is_file() for file in files):
        raise _failure(done, counts)
    ctx.progress("check", 0.8)
    _check(files[0], files[1], ctx)
    code = files[2].read_text("utf-8", "replace")
    return Written(files[0], files[1], _batches(INPUT, 3, code), _batches(OUTPUT, 2, code))


def _batches(pattern: re.Pattern[str], group: int, code: str) -> tuple[int, ...]:
    lines = [line for line in code.splitlines() if "ex.input" in line or "out.append" in line]
    relevant = [line for line in lines if ("ex.input" in line) == (group == 3)]
    found = [pattern.search(line) for line in relevant]
    return tuple(int(m.group(group) or NO_BATCH) for m in found if m)


def _check(path: Path, weights: Path, ctx: Context) -> None:
    from modelport_plugins.ncnn import param

    counts = param.counts(param.read(path))
    done = ctx.run_tool(
        [sys.executable, "-I", "-c", LOAD, str(path), str(weights), json.dumps(list(counts))]
    )
    answers = [line for line in done.text.splitlines() if line.startswith("modelport: ")]
    if done.status != 0 or not answers:
        raise UnsupportedFeature(
            "ncnn crashes when it loads what pnnx wrote",
            hint="Simplify the model or fix its input shapes first.",
        )
    answer = json.loads(answers[-1].partition(" ")[2])
    if answer["unknown"]:
        operators = {name: counts[name] for name in answer["unknown"]}
        raise UnsupportedOperator(
            f"{', '.join(operators)} {'has' if len(operators) == 1 else 'have'} no counterpart"
            " in ncnn",
            hint="Replace the operator before the export, or choose another target.",
            operators=operators,
        )
    if any(answer["status"]):
        raise UnsupportedFeature(
            f"ncnn does not load what pnnx wrote: {_last_words(done.text)}",
            hint="Simplify the model or fix its input shapes first.",
        )


def _failure(done: Finished, counts: Mapping[str, int]) -> PluginError:
    unknown = UNREGISTERED.findall(done.text)
    if unknown:
        names = {f"{domain}::{kind}" if domain else kind for domain, kind in unknown}
        kind = UnsupportedOperator
        if all(
            "::" in name and not name.startswith(("com.microsoft", "ai.onnx")) for name in names
        ):
            kind = CustomOperator
        return kind(
            f"{', '.join(sorted(names))} is not known to pnnx",
            hint="Replace the operator before the export, or choose another target.",
            operators={name: counts.get(name, 1) for name in sorted(names)},
        )
    how = f"crashed (signal {-done.status})" if done.status < 0 else f"failed ({done.status})"
    words = _last_words(done.text)
    return UnsupportedFeature(
        f"pnnx {how} on this graph{': ' if words else ''}{words}",
        hint="Simplify the model, fix its input shapes, or remove control flow first.",
    )


def _last_words(text: str) -> str:
    lines = [COLOUR.sub("", line).strip() for line in text.splitlines()]
    plain = [line for line in lines if line and not line.startswith((*NOISE, "modelport: "))]
    words = [line for line in plain if not SETTINGS.match(line) and not PHASE.match(line)]
    words = [line for line in words if "onnxruntime:pnnx" not in line]
    return " ".join(words[-2:])[:200]
