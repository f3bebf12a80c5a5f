"""What people's servers ask of the service, and what it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from ..contracts import Access
from ..record.events import Finding
from .settings import ClassName, ClassRules


class AskTicket(BaseModel):
    """A ticket for an organism; the token itself stays with the one who asks."""

    model_config = ConfigDict(extra="forbid")
    organism: Annotated[str, Field(max_length=80)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the token, in hexadecimal digits."""
    caller: Annotated[str, Field(max_length=80)]
    """The id of a run, or what else it is for."""
    access: Access
    quota_s: NonNegativeFloat | None = None
    deadline: float | None = None
    """Unix time in seconds."""


class HandIn(BaseModel):
    """What a run of a student's has found, to be scored; all of it but the findings is their server's word."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    organism: Annotated[str, Field(max_length=80)]
    run: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    agent: Annotated[str, Field(max_length=200)]
    steps: NonNegativeInt
    minutes: NonNegativeFloat
    cost_usd: NonNegativeFloat | None = None
    findings: Annotated[tuple[Finding, ...], Field(max_length=20)]
    summary: Annotated[str, Field(max_length=5000)]
    problems: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    """What the validity check still missed."""


class Publish(ClassRules):
    """A class as its instructor publishes it."""

    name: ClassName
    students: str


class Withdraw(BaseModel):
    """A class that is to be closed."""

    model_config = ConfigDict(extra="forbid")
    name: ClassName


class TicketState(BaseModel):
    """How a ticket stands."""

    id: str
    deadline: float
    busy_s: float
    samples: int
    prompts: int
    tokens: int
