"""What every event of a run is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

JsonDict = dict[str, Any]


class RunEvent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
