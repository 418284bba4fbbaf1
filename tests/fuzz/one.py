"""Fuzzes one target: ``python tests/fuzz/one.py TARGET [libFuzzer's options and folders]``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import atheris
import shelf

# Whose branches guide the search; what is imported before atheris is not instrumented.
OURS = (
    *("modelport", "modelport_api", "modelport_onnx", "modelport_plugins", "modelport_sdk"),
    *("python_multipart", "pickletools", "zipfile", "numpy.lib.format"),
)


def main() -> None:
    """Hand the target to libFuzzer, which ends the process."""
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=list(OURS)):
        target = shelf.target(name)
    # To merge corpora, libFuzzer hands its command line to a shell.
    command = shlex.join([sys.executable, __file__, name])
    atheris.Setup([command, *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
