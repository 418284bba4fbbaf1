"""Errors a plugin may raise on purpose; anything else is a bug in the plugin.

* PluginError
  + CorruptModel            the source cannot be read
  + UnsafeModel             the source would execute code to be read
  + WeightsOnly             the source holds weights and no graph
  + UnsupportedOperator     an operator has no counterpart in the target
  + CustomOperator          an operator belongs to no published operator set
  + UnsupportedFeature      anything else the target cannot express
  + DynamicShapeRequired    a size must be known that the source leaves open
  + BadOption               an option's value is wrong for this model
"""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar, Dict, Generator, List, Mapping, Optional, Sequence, Type


class PluginError(Exception):
    """A failure the user can understand and, often, act on.

    Attributes:
        code: Stable kebab-case name; part of the public API, never renamed.
        hint: What the user can do next, as one imperative sentence, or "".
        operators: Operator types concerned, with counts where known, e.g.
            ``{"Einsum": 2}``; may be empty.
    """

    code: ClassVar[str] = "plugin-error"

    def __init__(self, message: str, *, hint: str = "", operators: Any = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.operators: Dict[str, int] = _counted(operators)

    def to_json(self) -> Dict[str, Any]:
        """Return the error as it stands in ``result.json``."""
        return {
            "code": self.code,
            "message": str(self),
            "hint": self.hint,
            "operators": self.operators,
        }


class CorruptModel(PluginError):
    """The source claims to be of its format, but cannot be read."""

    code = "corrupt-model"


class UnsafeModel(PluginError):
    """Reading the source would execute code that it carries."""

    code = "unsafe-model"


class WeightsOnly(PluginError):
    """The source holds weights, but not the graph that uses them."""

    code = "weights-only"


class UnsupportedOperator(PluginError):
    """An operator of the source has no counterpart in the target."""

    code = "unsupported-operator"


class CustomOperator(PluginError):
    """An operator belongs to no operator set that the runtime knows."""

    code = "custom-op"


class UnsupportedFeature(PluginError):
    """The target cannot express something other than one operator."""

    code = "unsupported-feature"


class DynamicShapeRequired(PluginError):
    """The conversion needs a size that the source leaves open."""

    code = "dynamic-shape-required"


class BadOption(PluginError):
    """An option's value is well-typed, but wrong for this model."""

    code = "bad-option"


def _counted(operators: Any) -> Dict[str, int]:
    if isinstance(operators, Mapping):
        return {str(name): int(count) for name, count in operators.items()}
    counts: Dict[str, int] = {}
    names: Sequence[str] = list(operators)
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


@contextlib.contextmanager
def mapped(table: Mapping[Type[BaseException], Type[PluginError]]) -> Generator[None, None, None]:
    """Translate a framework's exceptions into ours, most specific class first.

    The message is the first line of the framework's own, without paths of the job.
    """
    try:
        yield
    except PluginError:
        raise
    except Exception as exc:
        best: Optional[Type[BaseException]] = None
        for theirs in table:
            if isinstance(exc, theirs) and (best is None or issubclass(theirs, best)):
                best = theirs
        if best is None:
            raise
        raise table[best](first_line(exc)) from exc


def first_line(exc: BaseException, limit: int = 300) -> str:
    """Return the first non-empty line of an exception's text, cut to ``limit`` characters."""
    lines: List[str] = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return (lines[0] if lines else type(exc).__name__)[:limit]
