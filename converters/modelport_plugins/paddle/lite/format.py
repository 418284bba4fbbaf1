"""Paddle-Lite's naive buffer: a version, the optimiser's version, then a flatbuffer and weights.

Source: Paddle-Lite 2.12, ``lite/model_parser/model_parser.cc``; each operator carries the kernel it
was given as ``type/alias/target/precision/layout``, with targets as in ``lite/api/paddle_place.h``.
"""

from __future__ import annotations

import re

from modelport_sdk import Format, Head

HEAD = re.compile(rb"[\x00-\x02]\x00v\d+\.[\w.-]{1,12}\0")
KERNEL = re.compile(rb"[a-z][a-z0-9_]*/[a-z0-9_]+/(\d{1,2})/\d/\d")
OPERATOR = re.compile(rb"([a-z][a-z0-9_]*)/[a-z0-9_]+/\d{1,2}/\d/\d")
X86, ARM = b"2", b"4"


def targets(data: bytes) -> set[bytes]:
    """Return the numbers of the processors whose kernels the operators were given."""
    return set(KERNEL.findall(data))


def match_arm(head: Head) -> float:
    """Return 1.0 for a naive buffer with ARM kernels, 0.6 where none is seen."""
    if not HEAD.match(head.first):
        return 0.0
    found = targets(head.first)
    return 1.0 if ARM in found else 0.0 if X86 in found else 0.6


def match_x86(head: Head) -> float:
    """Return 1.0 for a naive buffer with x86 kernels."""
    found = targets(head.first) if HEAD.match(head.first) else set()
    return 1.0 if X86 in found and ARM not in found else 0.0


ARM_MODEL = Format("paddle-lite", "Paddle-Lite for ARM", match_arm, main="*.nb")
X86_MODEL = Format("paddle-lite-x86", "Paddle-Lite for x86", match_x86, main="*.nb")
