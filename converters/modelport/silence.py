"""Variables that keep tools from reporting to their makers, wherever we start one.

``ORT_DISABLE_TELEMETRY``: the wheels of onnxruntime 1.32 for Linux hold Microsoft's event client
with a libcurl of its own; each session writes to ``~/.cache/Microsoft`` and sends from there
(``core/platform/posix/telemetry_1ds.cc``). Found by tests/e2e/test_silence.py.
"""

from __future__ import annotations

SILENT = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
