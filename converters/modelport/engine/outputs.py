"""What a runtime gave back: outputs by case, read lazily from the files of a worker."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelport.errors import WorkerDied
from modelport.model import Tensors
from modelport.sandbox import collect
from modelport_sdk import tensors

MAX_OUTPUTS = 8 << 30
"""Bytes that one case's outputs may unpack to."""


class Outputs(Mapping[str, Tensors]):
    """Outputs by case, read from their files each time: a battery may be larger than memory."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)

    def __getitem__(self, case: str) -> Tensors:
        """Read the outputs of ``case``.

        Raises:
            WorkerDied: The file is not what a worker writes.
        """
        path = self._files[case]
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > MAX_OUTPUTS:
                    raise WorkerDied("a runtime wrote more outputs than are read")
            return tensors.load(path)
        except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as exc:
            raise WorkerDied("a runtime wrote outputs that cannot be read") from exc

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of the cases."""
        return iter(self._files)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self._files)

    def file(self, case: str) -> Path:
        """Return where the outputs of ``case`` stand."""
        return self._files[case]


@dataclass(frozen=True)
class Ran:
    """One variant of a model, run on its cases.

    Attributes:
        error: Why it could not be loaded; "" if it could.
        outputs: Of the cases that ran.
        failures: Sentence by case, for those that did not.
        seconds: Mean time of one case, without loading.
        refusal: The plugin's typed error, where it gave one.
    """

    variant: str
    error: str
    outputs: Outputs
    failures: Mapping[str, str]
    seconds: float
    refusal: Mapping[str, Any] = field(default_factory=dict[str, Any])


def ran(job: Path, index: int, variant: str, told: Mapping[str, Any], into: Path) -> Ran:
    """Collect the outputs of the job's ``index``-th run into ``into``."""
    failures = {str(case["case"]): str(case["error"]) for case in told["cases"] if case["error"]}
    good = [str(case["case"]) for case in told["cases"] if not case["error"]]
    files = collect(job, [f"{index}/{case}.npz" for case in good], into)
    seconds = [float(case["seconds"]) for case in told["cases"] if not case["error"]]
    outputs = Outputs({case: into / file for case, file in zip(good, files, strict=True)})
    mean = sum(seconds) / len(seconds) if seconds else 0.0
    refusal = dict(told.get("refusal") or {})
    return Ran(variant, str(told["error"]), outputs, failures, mean, refusal)
