"""The worker's side of one call: what it is told, and where it reports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple


class Finished:
    """How a tool ended: ``status`` (negative: the signal that killed it) and what it printed."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text


class Context:
    """What a plugin may ask for and tell, besides its return value.

    Attributes:
        name: Stem for every file written, after the user's model: ``"squeezenet"``.
        threads: CPU threads that the call may use.
        shapes: Concrete shape of every input whose shape the source leaves open, and of
            those that the user fixed: ``{"x": (1, 3, 224, 224)}``.
        io: For a runtime: the mapping that the converter declared (see ``input``).
        consent: True only where operator and uploader allow pickled code to run.
        scratch: A folder for temporary files, never part of the result.
    """

    def __init__(self, job: Path, request: Mapping[str, Any]) -> None:
        self._stream = (job / "progress.jsonl").open("a", encoding="utf-8")
        self._start = time.monotonic()
        self.job = job
        self.name: str = request.get("name", "model")
        self.threads: int = int(request.get("threads", 1))
        self.shapes: Dict[str, Tuple[int, ...]] = {
            name: tuple(shape) for name, shape in request.get("shapes", {}).items()
        }
        self.io: Mapping[str, Any] = request.get("io", {})
        self.consent: bool = bool(request.get("consent", False))
        self.scratch = job / "tmp"
        self.notes: List[str] = []
        self.inputs: List[Dict[str, Any]] = []
        self.outputs: List[Dict[str, Any]] = []
        self.precision = "float32"

    def progress(self, stage: str, fraction: float) -> None:
        """Report ``fraction`` (0 to 1) of ``stage`` done; flushed at once."""
        seconds = round(time.monotonic() - self._start, 3)
        line = {"seconds": seconds, "stage": stage, "fraction": fraction}
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

    def note(self, text: str) -> None:
        """Add a sentence to the user's report."""
        self.notes.append(text)

    def input(
        self,
        source: str,
        target: Optional[str] = None,
        *,
        axes: Sequence[int] = (),
        constant: Any = None,
        shape: Optional[Sequence[int]] = None,
        **extra: Any,
    ) -> None:
        """Declare what became of one input; those never declared keep name and layout.

        Args:
            source: Its name in the source.
            target: Its name in the target; None where it is gone.
            axes: Transposition from source to target layout, as in ``numpy.transpose``.
            constant: The value that was built in, where the input is gone (a JSON value).
            shape: Set where the target accepts this shape only.
            extra: JSON values that this format's runtime needs, e.g. ``batch_index=0``.
        """
        self.inputs.append(_port(source, target, axes, constant, shape, extra))

    def output(
        self, source: str, target: Optional[str], *, axes: Sequence[int] = (), **extra: Any
    ) -> None:
        """Declare what one output is called in the target, and its layout there."""
        self.outputs.append(_port(source, target, axes, None, None, extra))

    def declare_precision(self, precision: str) -> None:
        """Say how weights are stored: ``float32`` (default), ``float16`` or ``int8``.

        The verdict's rule depends on it: float16 is judged against the source with
        rounded weights, int8 by agreement, and gets ``alike`` at best.
        """
        self.precision = precision

    def run_tool(
        self,
        argv: Sequence[str],
        *,
        cwd: Optional[Path] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Finished:
        """Run a command line in a child process; what it prints goes to the log as well.

        A tool that crashes takes itself down, not the worker. The time limit is the job's.
        """
        done = subprocess.run(
            list(argv),
            cwd=str(cwd or self.scratch),
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = done.stdout.decode("utf-8", "replace")
        sys.stdout.write(text)
        sys.stdout.flush()
        return Finished(done.returncode, text)


def _port(  # noqa: PLR0917  # private, called twice
    source: str,
    target: Optional[str],
    axes: Sequence[int],
    constant: Any,
    shape: Optional[Sequence[int]],
    extra: Mapping[str, Any],
) -> Dict[str, Any]:
    return {
        "source": source,
        "target": target,
        "axes": list(axes),
        "constant": constant,
        "shape": None if shape is None else list(shape),
        "extra": dict(extra),
    }
