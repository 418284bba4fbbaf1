"""The command line: ``modelport convert model.onnx --to ncnn``.

One file a command. Only Click is imported at the start: ``--help`` answers in a fraction
of a second, and what a command needs is imported when it runs.
"""

from __future__ import annotations

import sys

import click

from modelport import __version__
from modelport.errors import ModelportError
from modelport.text import plain
from modelport_api.cli.convert import convert
from modelport_api.cli.doctor import doctor
from modelport_api.cli.environment import environment
from modelport_api.cli.failure import INTERRUPTED, OUR_FAULT, exit_status, tell
from modelport_api.cli.formats import formats
from modelport_api.cli.inspect import inspect
from modelport_api.cli.janitor import janitor
from modelport_api.cli.routes import routes
from modelport_api.cli.serve import serve
from modelport_api.cli.settings import settings
from modelport_api.cli.version import version

ABOUT = """Convert machine-learning models between frameworks, and prove the result.

\b
Examples:
  modelport inspect squeezenet.onnx
  modelport convert squeezenet.onnx --to ncnn
  modelport convert net.onnx net.onnx.data --to openvino -o out --set fp16=yes
  modelport convert detector.pt --to onnx --shape x=1,3,640,640
  modelport convert net.onnx --to onnx.fp16 --require-verified
  modelport serve

\b
Exit status:
  0  converted            3  the result computes something different
  1  refused              4  not verified, although --require-verified
  2  bad usage            5  our fault
  6  a limit was hit    130  interrupted
"""

group = click.Group(
    "modelport",
    commands={
        one.name: one
        for one in (
            convert,
            inspect,
            formats,
            routes,
            serve,
            settings,
            janitor,
            doctor,
            environment,
            version,
        )
        if one.name
    },
    help=ABOUT,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
group = click.version_option(__version__, prog_name="modelport", message="%(prog)s %(version)s")(
    group
)


def main() -> None:
    """Run the command line and end the process with its status."""
    try:
        status = group(prog_name="modelport", standalone_mode=False)
    except click.ClickException as exc:
        # It may name a stranger's file.
        exc.message = plain(exc.message)  # type: ignore[misc]  # final to others; shown right here
        exc.show()
        status = exc.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        status = INTERRUPTED
    except ModelportError as exc:
        tell(exc)
        status = exit_status(exc)
    except BrokenPipeError:  # `modelport formats | head`
        sys.stderr.close()
        status = 0
    except OSError as exc:  # a full disk, a folder that may not be written
        print(plain(f"modelport: {exc.strerror or exc}: {exc.filename or ''}"), file=sys.stderr)
        status = OUR_FAULT
    sys.exit(status if isinstance(status, int) else 0)
