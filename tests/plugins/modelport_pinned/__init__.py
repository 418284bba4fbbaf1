"""SUM and TOTAL: two text formats, and an edge in an environment of its own.

Neither has a runtime, so that nothing but that environment is needed to convert.
"""

from __future__ import annotations

from pathlib import Path

from modelport_sdk import Context, Format, Head, NoOptions, converter

MAGIC = b"SUM "


def match(head: Head) -> float:
    """Return 1.0 for the first word of a SUM file."""
    return 1.0 if head.first.startswith(MAGIC) else 0.0


def match_total(head: Head) -> float:
    """Return 1.0 for the first word of a TOTAL file."""
    return 1.0 if head.first.startswith(b"TOTAL ") else 0.0


SUM = Format("sum", "SUM", match, main="*.sum")
TOTAL = Format("total", "TOTAL", match_total, main="*.total")


@converter(source="sum", target="total", env="pinned", options=NoOptions)
def sum_to_total(source: Path, out: Path, options: NoOptions, ctx: Context) -> None:
    """SUM to TOTAL: adds the numbers, and says which version of the package did."""
    import modelport_net

    numbers = [int(word) for word in source.read_text("utf-8").split()[1:]]
    text = f"TOTAL {sum(numbers)} {modelport_net.VERSION}"
    (out / f"{ctx.name}.total").write_text(text, "utf-8")
