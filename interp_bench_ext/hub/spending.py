"""What the key gateway says that people have spent, for the administrator's page."""

from __future__ import annotations

from typing import Any

import httpx2
from pydantic import TypeAdapter, ValidationError

from .gateway.spending import Spending

_TIMEOUT_S = 3.0
_LINES: TypeAdapter[list[Spending]] = TypeAdapter(list[Spending])


async def spending(gateway: str, authorization: str) -> dict[str, Any]:
    """As plain JSON: ``lines``, or in ``problem`` the sentence why there are none.

    Args:
        gateway: Its address.
        authorization: The header of an administrator, whom the gateway asks the Hub about itself.
    """
    transport = httpx2.AsyncHTTPTransport(trust_env=False)
    async with httpx2.AsyncClient(transport=transport, timeout=_TIMEOUT_S, trust_env=False) as client:
        try:
            reply = await client.get(f"{gateway.rstrip('/')}/spending", headers={"Authorization": authorization})
            lines = _LINES.validate_json(reply.raise_for_status().content)
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            return {"lines": [], "problem": f"The key gateway does not tell what was spent (HTTP status {status})."}
        except (httpx2.HTTPError, ValidationError):
            return {"lines": [], "problem": "The key gateway does not answer."}
    return {"lines": [line.model_dump() for line in lines], "problem": ""}
