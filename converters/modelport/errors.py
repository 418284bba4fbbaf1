"""Every failure the core can report; ``code`` is public API and never changes.

* ModelportError
  + InputError            the upload is to blame          (mend it, then retry)
  + RouteError            no chain of converters          (choose another target)
  + StepError             a plugin said no, with its code (see the hint)
  + ResourceError         a limit was hit                 (retry, with more)
  + HouseError            we are to blame                 (report it)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar


class ModelportError(Exception):
    """Base of all; raise a leaf, catch a branch.

    Attributes:
        code: Stable kebab-case name.
        hint: One imperative sentence, or "".
        step: Id of the converter, or name of the room, in which it happened; or "".
        operators: Operator types concerned, with counts.
        report: What was tried before it failed, as in report.json; or empty.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    retry: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        step: str = "",
        operators: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(_plain(message))
        self.hint = _plain(hint)
        self.step = step
        self.operators: dict[str, int] = {
            _plain(name): count for name, count in (operators or {}).items()
        }
        self.report: dict[str, Any] = {}

    def to_json(self) -> dict[str, Any]:
        """Return the error as it stands in a report or a problem document."""
        return {
            "code": self.code,
            "title": self.title,
            "detail": str(self),
            "hint": self.hint,
            "step": self.step,
            "operators": self.operators,
            "retry": self.retry,
        }


# As in intake: controls move a terminal's cursor, invisible marks turn text round, and half
# a character cannot be encoded. Names of a stranger's model stand in messages.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _plain(text: str) -> str:
    lines = text if text.isascii() and text.isprintable() else " ".join(text.splitlines())
    return "".join("?" if unicodedata.category(char) in _UNSEEN else char for char in lines)


class InputError(ModelportError):
    """The upload or the request is to blame."""


class UnknownFormat(InputError):
    """No format recognises the upload."""

    code = "unknown-format"
    title = "Not a model we know"


class AmbiguousFormat(InputError):
    """Two formats, or two models, claim the upload."""

    code = "ambiguous-format"
    title = "More than one model"


class TooLarge(InputError):
    """The upload is larger than the limit."""

    code = "too-large"
    title = "Too large"


class CorruptModel(InputError):
    """The file claims to be of its format, but cannot be read."""

    code = "corrupt-model"
    title = "The model cannot be read"


class UnsafeModel(InputError):
    """Reading the file would execute code that it carries."""

    code = "unsafe-model"
    title = "The model would execute code"


class WeightsOnly(InputError):
    """The file holds weights and no graph."""

    code = "weights-only"
    title = "Weights without a graph"


class BadInputs(InputError):
    """The user's .npz does not fit the model."""

    code = "bad-inputs"
    title = "The inputs do not fit the model"


class RouteError(ModelportError):
    """No chain of converters leads from source to target."""


class NoRoute(RouteError):
    """No chain of loaded converters leads from source to target."""

    code = "no-route"
    title = "No route"


class Unavailable(RouteError):
    """A route exists, but an environment that it needs is not built."""

    code = "unavailable"
    title = "An environment is missing"


class StepError(ModelportError):
    """A plugin refused; ``code`` is the plugin's."""

    code = "step-error"
    title = "The conversion was refused"


class UnsupportedOperator(StepError):
    """An operator of the source has no counterpart in the target."""

    code = "unsupported-operator"
    title = "Unsupported operator"


class UnsupportedFeature(StepError):
    """Anything but an operator that the target cannot express."""

    code = "unsupported-feature"
    title = "Unsupported feature"


class BadOption(StepError):
    """An option is unknown or out of its limits."""

    code = "bad-option"
    title = "Bad option"


class DynamicShapeRequired(StepError):
    """The conversion needs a size that the source leaves open."""

    code = "dynamic-shape-required"
    title = "A shape must be given"


class CustomOperator(StepError):
    """An operator belongs to no published operator set."""

    code = "custom-op"
    title = "Custom operator"


class ResourceError(ModelportError):
    """A limit was hit; the same request may succeed later or with more."""

    retry = True


class TimedOut(ResourceError):
    """A step took longer than its limit."""

    code = "timed-out"
    title = "Took too long"


class OutOfMemory(ResourceError):
    """A step needed more memory than its limit."""

    code = "out-of-memory"
    title = "Needs more memory"


class DiskFull(ResourceError):
    """A step wrote more than its limit, or the disk is full."""

    code = "disk-full"
    title = "Needs more disk"


class Busy(ResourceError):
    """The queue is full."""

    code = "busy"
    title = "Busy"


class Cancelled(ModelportError):
    """The user asked for the end."""

    code = "cancelled"
    title = "Cancelled"


class HouseError(ModelportError):
    """We are to blame."""


class PluginBug(HouseError):
    """A plugin raised an error that it had not declared."""

    code = "plugin-bug"
    title = "A converter failed unexpectedly"


class WorkerDied(HouseError):
    """The worker ended without writing its result.

    Attributes:
        signal: What killed it, e.g. ``SIGSEGV``; "" where it ended by itself.
    """

    code = "worker-died"
    title = "A converter crashed"
    signal: str = ""


class EnvironmentBroken(HouseError):
    """An environment cannot be built or started."""

    code = "environment-broken"
    title = "An environment is broken"


class SilentSuccess(HouseError):
    """The tool said yes and left nothing, or something that is no model."""

    code = "silent-success"
    title = "The converter claimed success and left no model"


class SandboxRefused(HouseError):
    """The machine lacks the layers without which no stranger's model is run."""

    code = "sandbox-refused"
    title = "No sandbox"


def _leaves(cls: type[ModelportError]) -> list[type[ModelportError]]:
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in _leaves(sub))]


BY_CODE: dict[str, type[ModelportError]] = {
    cls.code: cls for cls in _leaves(ModelportError) if "code" in vars(cls)
}
