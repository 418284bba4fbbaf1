"""``modelport convert``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelport.errors import Cancelled, ModelportError
from modelport.text import plain
from modelport_api.cli import destination, parameters
from modelport_api.cli.amount import pairs, shapes
from modelport_api.cli.display import progress
from modelport_api.cli.failure import CONVERTED, exit_status, tell, verdict_status
from modelport_api.cli.house import open_house, workplace
from modelport_api.cli.interruption import cancelled_by_signals
from modelport_api.cli.listing import print_json

if TYPE_CHECKING:
    from modelport.engine import Conversion, House, Request


@click.command()
@parameters.files
@click.option(
    "--to", "target", required=True, metavar="FORMAT", help="What to make: ncnn, onnx.fp16, ..."
)
@parameters.about_the_source
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the result; ./MODEL-FORMAT by default.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of a converter; may be repeated.",
)
@click.option(
    "--shape",
    "fixed",
    multiple=True,
    metavar="NAME=1,3,8,8",
    help="Shape of an input; may be repeated.",
)
@click.option(
    "--inputs",
    type=parameters.FILE,
    metavar="FILE.npz",
    help="Inputs to verify with, arrays by input name.",
)
@click.option(
    "--calibration",
    type=parameters.FILE,
    metavar="FILE.npz",
    help="Samples to quantise with, along the first axis.",
)
@click.option(
    "--using",
    multiple=True,
    metavar="TOOL@VERSION",
    help="Another version of a tool; may be repeated, to compare what they make.",
)
@click.option("--seed", type=int, default=0, help="Of the inputs that are drawn to verify.")
@click.option(
    "--build-env",
    "build",
    is_flag=True,
    help="Build environments that are missing first; takes the network and minutes.",
)
@click.option("--require-verified", is_flag=True, help="End with status 4 on any other verdict.")
@parameters.about_the_limits
@click.option("--force", is_flag=True, help="Write into a folder that holds other files.")
@click.option("--keep-logs", is_flag=True, help="Write what the tools printed to DIR/logs.")
@parameters.as_json
def convert(
    files: tuple[Path, ...],
    *,
    target: str,
    source: str,
    folder: Path | None,
    settings: tuple[str, ...],
    fixed: tuple[str, ...],
    inputs: Path | None,
    calibration: Path | None,
    using: tuple[str, ...],
    seed: int,
    build: bool,
    require_verified: bool,
    allow_pickle: bool,
    force: bool,
    keep_logs: bool,
    as_json: bool,
    **limits: Any,  # noqa: ANN401  # as about_the_limits reads them
) -> int:
    """Convert a model, run it before and after, and say how far the numbers moved.

    \b
    Examples:
      modelport convert squeezenet.onnx --to ncnn
      modelport convert net.param net.bin --to mnn --require-verified
      modelport convert voice.onnx --to onnx.fp16 --shape audio=1,16000
      modelport convert net.zip --to openvino --inputs samples.npz --json

    \b
    DIR gets the model, report.json and report.html. `modelport formats` lists the
    formats, `modelport inspect FILE` what a model can become.
    """  # noqa: D301  # \b tells click to keep the lines
    goal = folder or destination.default(files[0], target)
    destination.check(goal, force=force)
    fill = {
        "target": target,
        "source": source,
        "options": pairs(settings),
        "shapes": shapes(fixed),
        "inputs": inputs,
        "calibration": calibration,
        "seed": seed,
        "consent": allow_pickle,
        "build": build,
        "using": using,
    }
    house = open_house(**limits)
    with workplace() as work:
        try:
            done = _run(files, fill, house, work, quiet=as_json)
        except ModelportError as error:
            return _failed(error, work, goal, as_json=as_json)
        told = done.report
        names = () if keep_logs else ("report.json", "report.html", *_tops(told))
        destination.publish(done.folder, goal, names)
    status = verdict_status(str(told["verdict"]), require_verified=require_verified)
    if as_json:
        print_json({"status": status, "folder": str(goal), "error": None, "report": told})
    else:
        _say(told, goal, status)
    return status


def _run(
    files: tuple[Path, ...], fill: dict[str, Any], house: House, work: Path, *, quiet: bool
) -> Conversion:
    from modelport import engine  # noqa: PLC0415  # --help must not wait for it

    request: Request = engine.Request(engine.completed(files, house), **fill)
    with cancelled_by_signals() as cancel, progress(quiet=quiet) as observe:
        return engine.convert(request, work / "conversion", house, observe, cancel)


def _failed(error: ModelportError, work: Path, goal: Path, *, as_json: bool) -> int:
    """Say why there is no model; write what was tried where anything was."""
    status = exit_status(error)
    written = bool(error.report) and not isinstance(error, Cancelled)
    if written:
        _write_failure(error.report, work, goal)
    tell(error)
    if written:
        print(plain(f"  what was tried: {goal / 'report.html'}"), file=sys.stderr)
    if as_json:
        found = {"status": status, "folder": str(goal) if written else None}
        print_json({**found, "error": error.to_json(), "report": error.report or None})
    return status


def _write_failure(told: dict[str, Any], work: Path, goal: Path) -> None:
    import shutil  # noqa: PLC0415  # --help must not wait for it

    from modelport.report import write_html, write_json  # noqa: PLC0415  # likewise

    folder = work / "failure"
    folder.mkdir()
    write_json(told, folder / "report.json")
    write_html(told, folder / "report.html")
    logs = work / "conversion" / "logs"
    if logs.is_dir():
        shutil.copytree(logs, folder / "logs")
    destination.publish(folder, goal)


def _tops(told: dict[str, Any]) -> list[str]:
    others = [one["folder"] for one in told.get("versions", ()) if one["folder"]]
    return [*(Path(str(file["name"])).parts[0] for file in told["result"]["files"]), *others]


def _say(told: dict[str, Any], goal: Path, status: int) -> None:
    from modelport.report import fault, sentence, version  # noqa: PLC0415  # --help must not wait for it

    print(plain(sentence(told)))
    if told.get("diagnosis"):
        print(plain(f"  where: {fault(told['diagnosis'])}"))
    for one in told.get("versions") or ():
        print(plain(f"  {version(one)}"))
    for line in told.get("restrictions") or ():
        print(plain(f"  note: {line}"))
    for file in told["result"]["files"]:
        print(plain(f"  {goal / file['name']}"))
    print(plain(f"  {goal / 'report.html'}"))
    if status != CONVERTED:
        print(plain(f"modelport: the verdict is: {told['verdict']}"), file=sys.stderr)
