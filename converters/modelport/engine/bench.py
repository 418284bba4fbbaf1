"""The workbench of one conversion: makes job folders, runs plugin calls, keeps their logs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelport.engine.answers import converted, described, ports, stem, told, weighed
from modelport.engine.house import House
from modelport.engine.outputs import Ran, ran
from modelport.errors import BadInputs, SilentSuccess
from modelport.intake import arrays
from modelport.model import Array, Artifact, Case, Description, Mapped, Step
from modelport.sandbox import (
    Answer,
    Call,
    Jail,
    Limits,
    call,
    collect,
    prepare,
    printout,
    summary,
)
from modelport_sdk import Converter, Inspector, Runtime, Weights, tensors

INSPECTION = 300.0
"""Seconds an inspection may take: somebody waits for the answer to an upload. A graph of
200,000 nodes, or 4 GB of weights, takes 20."""

Observe = Callable[[str, float, str], None]
AnyPlugin = Converter | Inspector | Runtime | Weights


@dataclass
class Bench:
    """One conversion's place to work; ``root`` is its own folder.

    Attributes:
        layers: Sandbox layers of the latest call, for the report.
        degraded: What was missing in any call.
    """

    house: House
    root: Path
    observe: Observe
    cancel: threading.Event | None = None
    consent: bool = False
    count: int = 0
    layers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    degraded: tuple[str, ...] = ()

    def call(
        self,
        kind: str,
        plugin: AnyPlugin,
        source: Path,
        request: Mapping[str, Any],
        *,
        fill: Callable[[Path], None] | None = None,
        stage: str = "",
        limits: Limits | None = None,
    ) -> tuple[Answer, str]:
        """Run one plugin call in a fresh job folder; return its answer and its log's name."""
        house = self.house
        self.count += 1
        ref = house.registry.ref(plugin)
        label = f"{self.count:02d}-{kind}-{ref.partition(':')[2].replace('_', '-')}"
        job = prepare(self.root / "jobs" / label)
        if fill:
            fill(job)
        environment = house.registry.environments.get(plugin.env)
        requires = environment.requires if environment else ()
        asked = Call(
            kind,
            ref,
            house.envs.python(plugin.env),
            source.resolve(),
            {"consent": self.consent, **request},
            tuple(requirement.partition("==")[0] for requirement in requires),
        )
        jail = Jail(limits or house.limits, self.cancel, house.insecure)
        try:
            answer = call(
                job, asked, jail, lambda name, part: self.observe(stage or kind, part, name)
            )
            self.layers = summary(answer.ending.layers)
            # Each sentence once: environments differ in whether a job gets a user of its own.
            self.degraded = tuple(dict.fromkeys([*self.degraded, *answer.ending.degraded]))
        finally:
            log = self._keep_log(job, label)
        return answer, log

    def _watch(self, stage: str, name: str, fraction: float) -> None:
        self.observe(stage, fraction, name)

    def _keep_log(self, job: Path, label: str) -> str:
        logs = self.root / "logs"
        logs.mkdir(exist_ok=True)
        name = f"{label}.txt"
        if text := printout(job):
            (logs / name).write_text(text, "utf-8")
        return name

    def inspect(self, artifact: Artifact) -> Description:
        """Return what is in ``artifact``; nothing where its format has no inspector."""
        inspector = self.house.registry.inspectors.get(artifact.format)
        if inspector is None:
            return Description(artifact.format, (), ())
        limits = self.house.limits
        limits = replace(limits, seconds=min(limits.seconds, INSPECTION))
        request = {"name": stem(artifact)}
        answer, _ = self.call("inspect", inspector, artifact.path, request, limits=limits)
        shutil.rmtree(answer.job)
        return described(artifact.format, answer.result)

    def convert(
        self,
        converter: Converter,
        source: Artifact,
        *,
        name: str,
        options: Mapping[str, Any],
        shapes: Mapping[str, tuple[int, ...]],
        calibration: Path | None,
    ) -> tuple[Artifact, Step, Mapped, str]:
        """Run one edge; return the artefact, the step, the I/O mapping and the precision.

        Raises:
            SilentSuccess: It ended well and left no file of the target format.
        """

        def fill(job: Path) -> None:
            if calibration:
                shutil.copyfile(calibration, job / "calibration.npz")

        request = {"name": name, "options": dict(options), "shapes": dict(shapes)}
        answer, log = self.call(
            "convert", converter, source.path, request, fill=fill, stage=converter.id
        )
        result = converted(answer.result, converter.id)
        into = self.root / "artifacts" / f"{self.count:02d}"
        files = collect(answer.job, result.files, into, self.house.limits)
        shutil.rmtree(answer.job)
        format = self.house.registry.formats[converter.target]
        mains = [file for file in files if Path(file).match(format.main)]
        if len(mains) != 1 or not (into / mains[0]).stat().st_size:
            raise SilentSuccess(
                f"{converter.id} reported success and left no {format.title} model",
                step=converter.id,
            )
        step = Step(
            converter.id,
            dict(options),
            answer.ending.seconds,
            answer.ending.peak_memory,
            result.versions,
            result.notes,
            log,
        )
        artifact = Artifact(converter.target, into, mains[0], files)
        return artifact, step, result.mapped, result.precision

    def run(
        self,
        runtime: Runtime,
        artifact: Artifact,
        runs: Mapping[str, Sequence[Case]],
        *,
        shapes: Mapping[str, tuple[int, ...]],
        io: Mapped | None = None,
        stage: str = "run",
    ) -> dict[str, Ran]:
        """Run each variant on its cases in one worker; return what came out, by variant."""
        cases = {case.id: case for group in runs.values() for case in group}

        def fill(job: Path) -> None:
            for case in cases.values():
                tensors.save(job / "cases" / f"{case.id}.npz", case.feeds)

        ids = {variant: [case.id for case in group] for variant, group in runs.items()}
        request = {
            "name": stem(artifact),
            "runs": [{"variant": variant, "cases": named} for variant, named in ids.items()],
            "shapes": dict(shapes),
            "io": {"inputs": ports(io.inputs), "outputs": ports(io.outputs)} if io else {},
        }
        answer, _ = self.call("run", runtime, artifact.path, request, fill=fill, stage=stage)
        into = self.root / "outputs" / f"{self.count:02d}"
        said = told(answer.result, ids)
        found: dict[str, Ran] = {}
        limits = self.house.limits
        for index, (variant, one) in enumerate(said.items()):
            found[variant] = ran(answer.job, index, variant, one, into=into, limits=limits)
        shutil.rmtree(answer.job)
        return found

    def weights(self, reader: Weights, artifact: Artifact, limit: int) -> dict[str, Array] | str:
        """Return the weight tensors, mapped from disk; a sentence where they were not read."""
        request = {"name": stem(artifact), "limit": limit}
        answer, _ = self.call("weights", reader, artifact.path, request, stage="weigh")
        names = weighed(answer.result)
        if isinstance(names, str):
            return names
        into = self.root / "weights" / f"{self.count:02d}"
        files = collect(
            answer.job, [f"{index}.npy" for index in range(len(names))], into, self.house.limits
        )
        shutil.rmtree(answer.job)
        try:
            found = [arrays.mapped(into / file) for file in files]
        except BadInputs:
            return "the weights could not be read back"
        return dict(zip(names, found, strict=True))
