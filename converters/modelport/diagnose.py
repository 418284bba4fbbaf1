"""Says where along the network a wrong result begins to be wrong; pure.

Inner tensors of source and result are compared in the order in which they are computed.
All before the first one that is off agree, so the fault lies in the nodes between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelport.model import Comparison, Json, Port, jsonable

LISTED = 200
"""Layers in the report: enough for a curve."""


@dataclass(frozen=True)
class Layer:
    """One tensor along the network, compared.

    Attributes:
        node: Index of the node that makes it, in topological order.
        operator: What that node is.
        title: The node's own name; may be empty.
        tensor: Name of the tensor.
        excess: The difference as a multiple of the tensor's own noise; passes up to ``limit``.
        max_rel: Largest difference relative to the tensor's scale, unitless.
        passed: Whether it is inside the tolerance.
        reads: The tensors that its node reads, as far as they could be compared.
    """

    node: int
    operator: str
    title: str
    tensor: str
    excess: float
    limit: float
    max_rel: float
    passed: bool
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Where the numbers begin to differ.

    Attributes:
        found: ``layer`` (one node), ``stretch`` (some nodes in a row), ``swapped`` (two
            outputs changed places, all before them agrees), ``step`` (a step of the route,
            not looked into; ``remark`` says why) or ``vanished`` (right again once inner
            tensors are visible: what the step does to neighbouring layers is at fault).
        step: Id of the converter at fault.
        last: The last layer that agrees before the fault; None at the beginning.
        first: The first one that is off.
        nodes: How many nodes lie between in the order of computation, ``first`` included.
        layers: All that were compared, in order.
        remark: Why no more is known; may be empty.
        outputs: The two that changed places.
    """

    found: str
    step: str
    last: Layer | None = None
    first: Layer | None = None
    nodes: int = 0
    layers: tuple[Layer, ...] = ()
    remark: str = ""
    outputs: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return the diagnosis as JSON types."""
        told: Json = jsonable(self)
        told["layers"] = told["layers"][:LISTED]
        return told


def layers(ports: Sequence[Port], comparisons: Sequence[Comparison]) -> tuple[Layer, ...]:
    """Return the compared tensors in the order of computation.

    Args:
        ports: Outputs as the instrument declared them, with ``node``, ``operator``, ``title``
            and ``reads``.
        comparisons: One a tensor, by its name in the source.
    """
    by_name = {c.output: c for c in comparisons}
    found = [
        Layer(
            int(port.extra["node"]),
            str(port.extra["operator"]),
            str(port.extra["title"]),
            port.source,
            by_name[port.source].excess,
            by_name[port.source].limit,
            by_name[port.source].max_rel,
            by_name[port.source].passed,
            tuple(map(str, port.extra["reads"])),
        )
        for port in ports
        if port.source in by_name and "node" in port.extra
    ]
    return tuple(sorted(found, key=lambda layer: layer.node))


def merge(before: Sequence[Layer], now: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers of two rounds in order; the later round wins."""
    table = {layer.tensor: layer for layer in (*before, *now)}
    return tuple(sorted(table.values(), key=lambda layer: layer.node))


def suspect(seen: Sequence[Layer]) -> Layer | None:
    """Return the first layer that is off, in the order of computation."""
    return next((layer for layer in seen if not layer.passed), None)


def cornered(seen: Sequence[Layer], off: Layer) -> bool:
    """Whether everything that the node of ``off`` reads was compared and agrees."""
    passed = {layer.tensor for layer in seen if layer.passed}
    return set(off.reads) <= passed


def before(seen: Sequence[Layer], off: Layer) -> Layer | None:
    """Return the last layer that agrees before ``off``, one that it reads if there is any."""
    earlier = [layer for layer in seen if layer.passed and layer.node < off.node]
    direct = [layer for layer in earlier if layer.tensor in off.reads]
    return max(direct or earlier, key=lambda layer: layer.node, default=None)


def trusted(seen: Sequence[Layer], off: Layer) -> tuple[str, ...]:
    """Return the tensors before ``off`` that agree."""
    return tuple(layer.tensor for layer in seen if layer.passed and layer.node < off.node)
