"""Option values, as JSON from a request and as text from a command line.

The first byte chooses the converter; the rest is a JSON object, or ``NAME=VALUE`` texts.
"""

from __future__ import annotations

import dataclasses
import json
import math

import click

from modelport.engine.candidates import check_options
from modelport.errors import BadOption as Refused
from modelport.registry import Registry
from modelport_api.cli import amount
from modelport_sdk import BadOption
from modelport_sdk.options import build, schema

CONVERTERS = [c for c in Registry.load(frozenset()).converters.values() if schema(c.options)]


def target(data: bytes) -> None:
    """Build the options: they are within their limits, or refused in a short sentence."""
    if not data:
        return
    converter = CONVERTERS[data[0] % len(CONVERTERS)]
    text = data[1:].decode("utf-8", "replace")
    _written(text.split("\n"))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = dict(line.partition("=")[::2] for line in text.split("\n"))
    if not isinstance(values, dict):
        return
    try:
        check_options([(converter,)], values)
    except Refused as refusal:
        assert len(str(refusal)) < 1000
    try:
        built = build(converter.options, values)
    except BadOption as refusal:
        assert len(str(refusal)) < 1000
        return
    for entry in schema(converter.options):
        value = getattr(built, entry["name"])
        assert {"list": "tuple"}.get(entry["type"], entry["type"]) == type(value).__name__
        if isinstance(value, float):
            assert math.isfinite(value)
        if isinstance(value, tuple):
            assert all(isinstance(one, str) for one in value)
        assert entry.get("ge") is None or value >= entry["ge"]
        assert entry.get("le") is None or value <= entry["le"]
    assert build(converter.options, dataclasses.asdict(built)) == built


def _written(lines: list[str]) -> None:
    for read in (amount.pairs, amount.shapes, lambda texts: amount.size(texts[0])):
        try:
            found = read(lines)
        except click.BadParameter:
            continue
        if isinstance(found, int):
            assert 1 <= found < 2**63
