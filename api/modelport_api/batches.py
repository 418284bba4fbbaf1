"""What goes over the wire of a batch; the rest is in ``schemas``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from modelport_api.schemas import Conversion, Failure, Id


class BatchWish(BaseModel):
    """Conversions to be made: each of the models to each of the targets."""

    model_config = ConfigDict(extra="forbid")

    models: list[Id] = Field(min_length=1, max_length=100)
    targets: list[Annotated[str, Field(max_length=200)]] = Field(min_length=1, max_length=100)
    options: dict[str, dict[str, Any]] = Field({}, description="Options by target")
    shapes: dict[str, list[Annotated[int, Field(ge=0, le=2**31)]]] = {}
    inputs: Id | None = Field(None, description="Id of uploaded inputs, for verification")
    calibration: Id | None = Field(None, description="Id of uploaded inputs, for int8")
    seed: int = Field(0, ge=0, lt=2**32)
    require_verified: bool = False
    retention: Literal["", "keep", "download"] = Field("", description="Keep, or until the bundle")
    callback: str | None = Field(None, max_length=2000, description="Called when all have ended")


class Refused(BaseModel):
    """A conversion of a batch that was refused at once."""

    model: str
    target: str
    problem: Failure


class Summary(BaseModel):
    """What has become of a batch so far."""

    id: str
    created_at: str
    finished: bool
    total: int
    states: dict[str, int] = Field(description="Conversions by state")
    verdicts: dict[str, int] = Field(description="Conversions by verdict")
    refused: list[Refused]


class Batch(Summary):
    """A batch with its conversions, in the order of the models and then of the targets."""

    conversions: list[Conversion]
