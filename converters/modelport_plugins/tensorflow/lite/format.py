"""TensorFlow Lite: one flatbuffer that names itself.

Source: tensorflow/lite/schema/schema.fbs, ``file_identifier "TFL3"``.
"""

from __future__ import annotations

from modelport_sdk import Format, Head


def match(head: Head) -> float:
    """Return 1.0 if the flatbuffer names itself ``TFL3``, 0.2 on the suffix alone."""
    if head.first[4:8] == b"TFL3":
        return 1.0
    return 0.2 if head.name.endswith(".tflite") else 0.0


TFLITE = Format("tflite", "TensorFlow Lite", match, main="*.tflite")
