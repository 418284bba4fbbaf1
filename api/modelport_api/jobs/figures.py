"""Sums that only grow, in the database: every process tells the same, and no restart loses them.

A sum is counted in the transaction of what it counts, so that neither is there without the other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from sqlalchemy.dialects import postgresql, sqlite

from modelport_api.jobs.tables import figures

# Seconds; from a pass on a small model to the longest conversion that is allowed by default.
BUCKETS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)


@dataclass(frozen=True)
class Family:
    """What one kind of sum is called, and by what it is divided."""

    about: str
    labels: tuple[str, ...] = ()
    seconds: bool = False


FAMILIES = {
    "modelport_ended": Family("Conversions ended, by state and verdict", ("state", "verdict")),
    "modelport_refusals": Family("Conversions that failed, by code", ("code",)),
    "modelport_step_seconds": Family("Time of one step, by converter", ("converter",), True),
    "modelport_conversion_seconds": Family("Time of a whole conversion", ("target",), True),
    "modelport_wait_seconds": Family("Time between order and start", (), True),
    "modelport_webhooks": Family("Calls made, by how they went", ("outcome",)),
    "modelport_received_bytes": Family("Bytes of the models that were kept"),
    "modelport_produced_bytes": Family("Bytes of the artefacts that were made"),
}


class Sums:
    """Amounts of one transaction, entered in one order, so that no two wait for each other."""

    def __init__(self) -> None:
        self._amounts: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, *labels: str, by: float = 1.0) -> None:
        """Add ``by`` to the sum ``name`` of these labels."""
        self._amounts[name, json.dumps(labels)] += by  # type: ignore[assignment]  # sums of floats

    def time(self, name: str, *labels: str, seconds: float) -> None:
        """Enter one duration; it falls into the smallest bucket that holds it."""
        bucket = next((str(limit) for limit in BUCKETS if seconds <= limit), "+Inf")
        self.count(name, *labels, bucket)
        self.count(name, *labels, "sum", by=max(0.0, seconds))

    def enter(self, connection: sa.Connection) -> None:
        """Add what was counted to what the database has, in the caller's transaction."""
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        for (name, labels), amount in sorted(self._amounts.items()):
            statement = insert(figures).values(name=name, labels=labels, value=amount)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name", "labels"], set_={"value": figures.c.value + amount}
                )
            )


def count(connection: sa.Connection, name: str, *labels: str, by: float = 1.0) -> None:
    """Add ``by`` to one sum, in the caller's transaction."""
    sums = Sums()
    sums.count(name, *labels, by=by)
    sums.enter(connection)


def told(connection: sa.Connection) -> Iterator[Metric]:
    """Yield the sums as Prometheus takes them."""
    rows = connection.execute(sa.select(figures.c.name, figures.c.labels, figures.c.value))
    found: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in FAMILIES}
    for name, labels, value in rows:
        if name in found:
            found[name][tuple(json.loads(labels))] = value
    for name, family in FAMILIES.items():
        yield (
            _histogram(name, family, found[name])
            if family.seconds
            else _sum(name, family, found[name])
        )


def _sum(name: str, family: Family, values: Mapping[tuple[str, ...], float]) -> Metric:
    made = CounterMetricFamily(name, family.about, labels=family.labels)
    for labels, value in sorted(values.items()):
        made.add_metric(labels, value)
    return made


def _histogram(name: str, family: Family, values: Mapping[tuple[str, ...], float]) -> Metric:
    made = HistogramMetricFamily(name, family.about, labels=family.labels)
    for labels in sorted({key[:-1] for key in values}):
        running, buckets = 0.0, []
        for limit in (*map(str, BUCKETS), "+Inf"):
            running += values.get((*labels, limit), 0.0)
            buckets.append((limit, running))
        made.add_metric(labels, buckets, values.get((*labels, "sum"), 0.0))
    return made
