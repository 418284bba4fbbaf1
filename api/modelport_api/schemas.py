"""What goes over the wire: the pydantic models behind the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
State = Literal["queued", "running", "converted", "failed", "cancelled"]
Word = Literal["verified", "alike", "different", "structural", "unverified"]


class Problem(BaseModel):
    """An error (RFC 9457); ``code`` is stable, ``detail`` and ``hint`` are for people."""

    type: str = "about:blank"
    status: int
    code: str = Field(examples=["unsupported-operator"])
    title: str
    detail: str
    hint: str = Field("", description="What to do, as one sentence")
    step: str = ""
    operators: dict[str, int] = {}
    retry: bool = Field(False, description="Whether the same request may succeed later")


class Failure(BaseModel):
    """Why a conversion failed; as a Problem, without the HTTP status."""

    code: str
    title: str
    detail: str
    hint: str = ""
    step: str = ""
    operators: dict[str, int] = {}
    retry: bool = False


class FormatName(BaseModel):
    """A format in passing."""

    id: str
    title: str


class File(BaseModel):
    """A file as uploaded."""

    name: str
    size: int


class OptionSchema(BaseModel):
    """One option of a converter."""

    model_config = ConfigDict(extra="allow")

    name: str
    type: str = Field(examples=["bool"])
    default: Any
    help: str


class Target(BaseModel):
    """What a model can become: a format, or a pass within its own format."""

    target: str = Field(examples=["ncnn", "onnx.simplify"])
    format: str
    variant: str
    title: str
    available: bool
    reason: str
    routes: list[list[str]]
    converter: str
    options: list[OptionSchema]


class Model(BaseModel):
    """An uploaded model."""

    id: str
    name: str
    size: int
    sha256: str
    created_at: str
    format: FormatName
    files: list[File]
    kept: bool = Field(description="Whether it stays until it is deleted")
    description: dict[str, Any]
    targets: list[Target]


class Keeping(BaseModel):
    """Whether a model stays until it is deleted."""

    model_config = ConfigDict(extra="forbid")

    kept: bool


class Models(BaseModel):
    """A page of models, newest first."""

    models: list[Model]
    next: str | None = None


class Upload(BaseModel):
    """A resumable upload and how far it has come."""

    id: str
    name: str
    size: int
    offset: int
    sha256: str = Field(description="Of the whole file; empty until it is whole")
    expires_at: str


class Uploaded(BaseModel):
    """What to make a model of."""

    model_config = ConfigDict(extra="forbid")

    uploads: list[Id] = Field(min_length=1, max_length=1000)
    source: str = Field("", max_length=200, description="Its format, where that is ambiguous")


class Wish(BaseModel):
    """A conversion to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"model": "0" * 32, "target": "ncnn", "options": {}, "seed": 0}]
        },
    )

    model: Id
    target: str = Field(max_length=200, examples=["ncnn", "onnx.fp16"])
    options: dict[str, Any] = {}
    shapes: dict[str, list[Annotated[int, Field(ge=0, le=2**31)]]] = {}
    inputs: Id | None = Field(None, description="Id of uploaded inputs, for verification")
    calibration: Id | None = Field(None, description="Id of uploaded inputs, for int8")
    using: list[Annotated[str, Field(max_length=100)]] = Field(
        [],
        max_length=4,
        description="Versions of tools (TOOL@VERSION); with several, the report compares them",
    )
    seed: int = Field(0, ge=0, lt=2**32)
    require_verified: bool = False
    callback: str | None = Field(None, max_length=2000, description="Called when it has ended")
    retention: Literal["", "keep", "download"] = Field("", description="Keep, or until the bundle")


class ArtifactFile(BaseModel):
    """A file of a result."""

    name: str
    size: int
    sha256: str


class Conversion(BaseModel):
    """A conversion and how far it has come."""

    id: str
    model: str
    name: str
    source: str
    target: str
    state: State
    stage: str
    fraction: float
    detail: str
    verdict: Word | None
    reason: str
    problem: Failure | None
    artifacts: list[ArtifactFile]
    attempt: int
    created_at: str
    started_at: str | None
    finished_at: str | None


class Conversions(BaseModel):
    """A page of conversions, newest first; ``next`` is the ``after`` of the next page."""

    conversions: list[Conversion]
    next: str | None


class Inputs(BaseModel):
    """Uploaded arrays."""

    id: str
    size: int


class Format(BaseModel):
    """A format that the service knows."""

    id: str
    title: str
    main: str
    parts: list[str]
    read: bool
    write: bool
    runtime: bool


class Formats(BaseModel):
    """All formats."""

    formats: list[Format]


class Converter(BaseModel):
    """An edge from one format to another, or a pass within one."""

    id: str
    source: str
    target: str
    variant: str
    title: str
    role: str
    cost: float
    environment: str
    available: bool
    reason: str
    options: list[OptionSchema]


class Converters(BaseModel):
    """All converters."""

    converters: list[Converter]


class Route(BaseModel):
    """A chain of converters."""

    converters: list[str]
    cost: float


class Routes(BaseModel):
    """The best chains, first the one that is tried first."""

    routes: list[Route]


class Package(BaseModel):
    """An installed package."""

    name: str
    version: str


class Environment(BaseModel):
    """An interpreter with pinned packages."""

    name: str
    python: str
    state: Literal["missing", "building", "ready", "broken"]
    ready: bool
    size: int = Field(description="Bytes of its files; 0 until it is built")
    shared: int = Field(description="Bytes of these that another environment holds too")
    digest: str = Field(description="Of its version of Python, pins and locks")
    reason: str = Field(description="Why it is not ready, and what to run; empty where it is")
    command: str = Field(description="What builds it on the server; empty where it is ready")
    requires: list[str]
    packages: list[Package] = Field(description="What is installed; empty until it is built")


class Environments(BaseModel):
    """All environments."""

    environments: list[Environment]


class Limits(BaseModel):
    """What a conversion and an upload may use; bytes and seconds."""

    upload_bytes: int
    upload_seconds: float
    retention_seconds: float
    storage_bytes: int | None
    memory: int
    seconds: float
    job_seconds: float
    threads: int
    slots: int
    queue_limit: int
