"""What people's servers ask of the service, and what it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat

from ..contracts import Access


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


class TicketState(BaseModel):
    """How a ticket stands."""

    id: str
    deadline: float
    busy_s: float
    samples: int
    prompts: int
