"""``/healthz``, ``/readyz``, ``/metrics``: for those who operate the service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import sqlalchemy as sa
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from modelport.sandbox import layers, summary
from modelport_api import operating
from modelport_api.desk import Desk, OurDesk
from modelport_api.jobs import figures, lease, records
from modelport_api.storage import room
from modelport_sdk import BASE

router = APIRouter(tags=["operating"])


@router.get("/healthz", response_model=operating.Health)
async def healthz() -> dict[str, str]:
    """Say that the process is up."""
    return {"status": "up"}


@router.get(
    "/readyz", response_model=operating.Readiness, responses={503: {"model": operating.Readiness}}
)
def readyz(desk: OurDesk) -> Response:
    """Say whether conversions can run: database, a worker, the environment, the sandbox, disk."""
    checks, reasons = {}, []
    for name, reason in _checks(desk):
        checks[name] = not reason
        reasons += [reason] if reason else []
    ready = not reasons
    found = layers()
    sandbox = {"layers": summary(found.in_force), "degraded": found.degraded}
    body = {"ready": ready, "checks": checks, "reasons": reasons, **sandbox}
    return JSONResponse(body, 200 if ready else 503)


@router.get("/metrics", response_class=Response)
def metrics(desk: OurDesk) -> Response:
    """Give the figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(desk))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Reads the figures from the database, so that every process tells the same."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of this moment."""
        with self._desk.engine.connect() as connection:
            for column in ("state", "verdict"):
                text = f"Conversions by {column}"
                family = GaugeMetricFamily(f"modelport_conversions_{column}", text, labels=[column])
                for value, number in records.counts(connection, column).items():
                    family.add_metric([value], number)
                yield family
            family = GaugeMetricFamily(
                "modelport_failures", "Failed conversions by code", labels=["code"]
            )
            for code, number in records.failures(connection).items():
                family.add_metric([code], number)
            yield family
            yield from figures.told(connection)
            held = room.held(connection)
        yield GaugeMetricFamily("modelport_held_bytes", "Bytes that are kept", value=held)
        settings = self._desk.settings
        live = len(lease.live(self._desk.engine, settings.lease_seconds))
        yield GaugeMetricFamily("modelport_workers", "Workers alive", value=live)
        waiting = self._desk.queue.pending()
        yield GaugeMetricFamily("modelport_queue_depth", "Conversions that wait", value=waiting)
        free = shutil.disk_usage(settings.home).free
        yield GaugeMetricFamily("modelport_disk_free_bytes", "Room on the disk", value=free)


def _checks(desk: Desk) -> Iterator[tuple[str, str]]:
    """Yield each check with the reason why it failed, or ""."""
    settings = desk.settings
    try:
        alive = bool(lease.live(desk.engine, settings.lease_seconds))
    except sa.exc.SQLAlchemyError:
        yield "database", "the database does not answer"
        return
    yield "database", ""
    yield "worker", "" if alive else "no worker is alive"
    status = desk.house.envs.status(BASE)
    yield "environment", "" if status.ready else f"environment {BASE}: {status.reason}"
    secure = settings.insecure or layers().enough
    yield "sandbox", "" if secure else "the machine lacks the sandbox"
    room = shutil.disk_usage(settings.home).free >= settings.disk_reserve
    yield "disk", "" if room else "the disk is almost full"
