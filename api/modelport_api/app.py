"""The HTTP application: ``create(settings)`` puts the parts together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.concurrency import run_in_threadpool

from modelport import __version__
from modelport_api import page, problems, schemas
from modelport_api.auth import keys
from modelport_api.auth.guard import Guard
from modelport_api.builds import Builder
from modelport_api.desk import Desk
from modelport_api.jobs import database
from modelport_api.jobs.engine_dbos import DbosEngine
from modelport_api.jobs.events import Tailer
from modelport_api.routes import (
    batches,
    catalogue,
    conversions,
    environments,
    health,
    models,
    oneshot,
    results,
    uploads,
)
from modelport_api.settings import Settings
from modelport_api.storage import janitor
from modelport_api.webhooks.courier import Courier

PROBLEM: dict[str, Any] = {
    "description": "Refused; `code` says why",
    "content": {
        problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}


def create(settings: Settings) -> FastAPI:
    """Return the application; the database is migrated when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        await run_in_threadpool(database.migrate, settings)
        engine = database.connect(settings)
        queue = DbosEngine(settings.database, poll_seconds=settings.poll_seconds)
        desk = Desk(settings, engine, queue, Tailer(engine), Builder(settings, engine))
        app.state.desk = desk
        # Loading the plugins takes longer than the first request should wait.
        threading.Thread(target=lambda: desk.house, daemon=True).start()
        courier = Courier(settings, engine)
        courier.start()
        sweeping = asyncio.create_task(janitor.work(settings, engine))
        yield
        sweeping.cancel()
        await courier.stop()
        await desk.tailer.stop()
        await run_in_threadpool(desk.builder.close)
        engine.dispose()

    app = FastAPI(
        title="modelport",
        version=__version__,
        description="Converts models between machine-learning frameworks, and proves the result.",
        lifespan=lifespan,
        # Both load scripts from elsewhere, which the page's policy forbids.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    for part in (uploads, models, conversions, batches, results, oneshot, catalogue, environments):
        app.include_router(part.router, prefix="/v1")
    app.include_router(health.router)
    page.install(app)
    key = keys.expected(settings, _say)
    admin = keys.administration(settings, key)
    app.add_middleware(Guard, settings=settings, key=key, admin=admin)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own recipe
    return app


def _say(text: str) -> None:
    print(text, flush=True)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with our one shape for errors in place of FastAPI's."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        for item in found["paths"].values():
            for operation in item.values():
                operation["responses"].pop("422", None)
                operation["responses"]["4XX"] = PROBLEM
                operation["responses"]["5XX"] = PROBLEM
        components = found.setdefault("components", {})
        kept = components.setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            kept.pop(name, None)
        kept["Problem"] = schemas.Problem.model_json_schema()
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        # The key is needed only where one is set.
        found["security"] = [{}, {"key": []}]
        app.openapi_schema = found
    return app.openapi_schema
