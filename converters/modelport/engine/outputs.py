"""What a runtime gave back: outputs by case, read lazily from the files of a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelport.engine.answers import RunTold
from modelport.errors import BadInputs, WorkerDied
from modelport.intake import arrays
from modelport.model import Tensors
from modelport.sandbox import Limits, collect
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
            found = tensors.named(arrays.load(path, MAX_OUTPUTS))
            "".join(found).encode()  # names stand in the report: no lone surrogates
        except (ValueError, BadInputs) as exc:
            raise WorkerDied("a runtime wrote outputs that cannot be read") from exc
        return found

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


def ran(job: Path, index: int, variant: str, told: RunTold, *, into: Path, limits: Limits) -> Ran:
    """Collect the outputs of the job's ``index``-th run into ``into``."""
    failures = {one.case: one.error for one in told.cases if one.error}
    good = [one for one in told.cases if not one.error]
    files = collect(job, [f"{index}/{one.case}.npz" for one in good], into, limits)
    outputs = Outputs({one.case: into / file for one, file in zip(good, files, strict=True)})
    mean = sum(one.seconds for one in good) / len(good) if good else 0.0
    return Ran(variant, told.error, outputs, failures, mean, told.refusal)
