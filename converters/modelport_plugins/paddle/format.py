"""Paddle's two ways to write a program, and its weights alone.

Source: Paddle 3.3, ``paddle/fluid/pir/serialize_deserialize`` (PIR: JSON with ``base_code`` first)
and ``paddle/fluid/framework/framework.proto`` (ProgramDesc); ``lod_tensor.cc`` (weights).
"""

from __future__ import annotations

import re

from modelport_sdk import Format, Head

PIR = re.compile(rb'^\s*\{\s*"base_code"\s*:\s*\{[^{}]{0,200}"magic"\s*:\s*"pir"')
# Field 1, a block of some length: index 0, then its parent, which is -1 (a varint of ten bytes).
BLOCK = re.compile(rb"\n[\x80-\xff]{0,9}[\x00-\x7f]\x08\x00\x10\xff{9}\x01[\x1a\x22]")
# A tensor of version 0 without levels, then a description that begins with a type.
TENSOR = re.compile(rb"\0{4}\0{8}\0{4}..\0\0\x08[\x00-\x19]\x10", re.DOTALL)
STATE = b"StructuredToParameterName@@"
WEIGHTS = ("*.pdiparams",)
# Written beside a program, and not needed to run it.
SIDE = ("*.pdiparams.info", "*.yml", "*.yaml", "*.pdmodel.info")


def match_pir(head: Head) -> float:
    """Return 1.0 for JSON that begins with PIR's ``base_code``."""
    return 1.0 if PIR.match(head.first) else 0.0


def match_program(head: Head) -> float:
    """Return 1.0 for a message that begins with block 0, whose parent is -1; 0.2 by the name."""
    if BLOCK.match(head.first):
        return 1.0
    return 0.2 if head.name.endswith(".pdmodel") else 0.0


def match_state(head: Head) -> float:
    """Return 0.9 for tensors behind one another, and for the pickle of a state_dict."""
    if TENSOR.match(head.first):
        return 0.9
    if head.first[:1] == b"\x80" and (STATE in head.first or head.name.endswith(".pdparams")):
        return 0.9
    return 0.2 if head.name.endswith((".pdparams", ".pdiparams")) else 0.0


def beside(name: str, data: bytes) -> tuple[str, ...]:
    """Return the name of the weights that belong to the program ``name``."""
    return (name.rpartition(".")[0] + ".pdiparams",)


PADDLE = Format(
    "paddle",
    "Paddle (PIR)",
    match_pir,
    main="*.json",
    parts=(*WEIGHTS, *SIDE),
    needs=WEIGHTS,
    beside=beside,
)
PROGRAM = Format(
    "paddle-program",
    "Paddle ProgramDesc (.pdmodel)",
    match_program,
    main="*.pdmodel",
    parts=(*WEIGHTS, *SIDE),
    needs=WEIGHTS,
    beside=beside,
)
PARAMETERS = Format("paddle-state", "Paddle weights", match_state, main="*.pd*params")
