"""What OpenVINO's reports become."""

from __future__ import annotations

import pytest

from modelport_plugins.openvino.format import match
from modelport_plugins.openvino.refusal import reason, refusal
from modelport_sdk import Head

NO_RULE = """Check 'false' failed at src/frontends/x.cpp:151:
FrontEnd API failed with OpConversionFailure:
Model wasn't fully converted.
Summary:
-- No conversion rule found for operations: {}
"""
FAILED = """Check 'false' failed at src/frontends/x.cpp:151:
FrontEnd API failed with OpConversionFailure:
Model wasn't fully converted. Failed operations detailed log:
-- If-13 with a message:
[ONNX Frontend] Conversion failed for If-13
While validating ONNX node '<Node(If): 53>': Check 'rank' failed at src/core/src/op/if.cpp:95:
Rank of If condition input must be equal to 0 or 1

Summary:
-- Conversion is failed for: If-13
"""


@pytest.mark.parametrize(
    ("text", "code", "operators"),
    [
        pytest.param(NO_RULE.format("Det-17"), "unsupported-operator", {"Det": 2}, id="no-rule"),
        pytest.param(NO_RULE.format("my.Foo"), "custom-op", {"my::Foo": 3}, id="custom"),
        pytest.param(
            NO_RULE.format("my.Foo, Det-17"),
            "unsupported-operator",
            {"my::Foo": 3, "Det": 2},
            id="both",
        ),
        pytest.param(FAILED, "unsupported-feature", {"If": 1}, id="this-use"),
        pytest.param("Model can't be parsed", "corrupt-model", {}, id="unreadable"),
    ],
)
def test_refusal(text: str, code: str, operators: dict[str, int]) -> None:
    error = refusal(RuntimeError(text), {"Det": 2, "my::Foo": 3, "If": 1})
    assert (error.code, error.operators) == (code, operators)


def test_the_reason_is_what_is_wrong_rather_than_where() -> None:
    assert str(refusal(RuntimeError(FAILED), {})).endswith("must be equal to 0 or 1")


def test_the_reason_of_a_run_that_failed_names_no_source_file() -> None:
    text = """Exception from src/inference/src/cpp/core.cpp:117:
Exception from src/inference/src/dev/plugin.cpp:54:
Check '!shape.rank().is_dynamic()' failed at src/plugins/intel_cpu/src/node.cpp:108:
Unexpected: CPU plug-in doesn't support Unsqueeze operation with dynamic rank.
"""
    assert reason(text).startswith("Unexpected: CPU plug-in doesn't support Unsqueeze")


@pytest.mark.parametrize(
    ("first", "want"),
    [
        (b'<?xml version="1.0"?>\n<net name="m" version="11">\n<layers>', 1.0),
        (b'<net name="m" version="11">', 0.7),
        (b'<?xml version="1.0"?><svg version="1.1"/>', 0.0),
        (b"\x80\x02}q\0.", 0.0),
    ],
)
def test_match(first: bytes, want: float) -> None:
    assert match(Head("m.xml", first)) == want
