"""What a person asked for and cannot have: it is not there, or not possible now."""

from __future__ import annotations

from ..errors import InterpBenchError


class NotFound(InterpBenchError):
    code = "not_found"


class NotNow(InterpBenchError):
    code = "not_now"
