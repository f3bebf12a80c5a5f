"""What is posted to /calls, held to limits before it is read: an organism and a relay stand behind the same ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from interp_bench_ext.contracts import LARGEST_CALL_BYTES, TOO_LARGE_A_CALL
from interp_bench_ext.errors import BadInput
from interp_bench_ext.wrong_input import first_problem

_FEWER = "give it fewer prompts or texts at a time."
_DIGITS = 20
SMALL_BYTES = 16_384
"""A body of so many is looked through sooner than a thread for it begins."""
_MOST_PARTS = 200_000
"""Values that a body may hold. A list costs two bytes to send, and a hundred times that to hold."""


class CallBody(BaseModel):
    """A technique, its arguments, and how many seconds the call may take."""

    model_config = ConfigDict(extra="forbid")
    technique: str
    arguments: dict[str, Any] = {}
    deadline_s: PositiveFloat | None = None


async def received(announced: str | None, pieces: AsyncIterable[bytes]) -> bytes:
    """The whole body. Raises BadInput as soon as it is known to be too large, and reads no further.

    Args:
        announced: The header ``Content-Length``, where there is one.
        pieces: The body as it comes.
    """
    if announced is not None and not _is_little(announced):
        raise BadInput(TOO_LARGE_A_CALL)
    body = await whole(pieces, LARGEST_CALL_BYTES)
    if body is None:
        raise BadInput(TOO_LARGE_A_CALL)
    return body


async def whole(pieces: AsyncIterable[bytes], most: int) -> bytes | None:
    """A body of at most so many bytes; None as soon as there are more, and no more is read."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            return None
    return bytes(body)


def _is_little(announced: str) -> bool:
    """A caller may write anything there; of very many digits Python makes no number."""
    return announced.isdecimal() and len(announced) < _DIGITS and int(announced) <= LARGEST_CALL_BYTES


async def parsed(body: bytes) -> CallBody:
    """Read it, a large one apart from the event loop. Raises BadInput, for what is nested too deep as well."""
    parts = sum(body.count(mark) for mark in (b",", b"[", b"{"))
    if parts > _MOST_PARTS:
        raise BadInput(f"The call holds about {parts:,} values, and {_MOST_PARTS:,} is the most: {_FEWER}")
    return _parsed(body) if len(body) <= SMALL_BYTES else await asyncio.to_thread(_parsed, body)


def _parsed(body: bytes) -> CallBody:
    try:
        return CallBody.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(f"The call's body is wrong: {first_problem(error)}.") from None
