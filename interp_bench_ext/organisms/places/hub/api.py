"""Requests to the Hub's service, in the name of this server's user."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import httpx2

from interp_bench_ext.errors import InterpBenchError, NotNow, from_code
from interp_bench_ext.host.tickets import Ticket
from interp_bench_ext.organisms.placement import HandedIn
from interp_bench_ext.organisms.places.hub.account import Account
from interp_bench_ext.record.scores import Score

_TIMEOUT = httpx2.Timeout(15.0, read=30.0)
_LOADING = httpx2.Timeout(15.0, read=1800.0)
_UNREACHABLE = "the Hub's organism service does not answer; it may be restarting: try again in a moment"


class Unreachable(NotNow):
    """Nobody answers, or a proxy in the service's place."""

    def __init__(self) -> None:
        super().__init__(_UNREACHABLE)


class HubApi:
    """One server's connection. Everything raises an error of the package's tree, Unreachable where nobody answers."""

    def __init__(self, account: Account) -> None:
        self.account = account
        headers = {"Authorization": f"Bearer {account.token}"}
        transport = httpx2.AsyncHTTPTransport(trust_env=False)
        self._client = httpx2.AsyncClient(
            base_url=account.url, headers=headers, transport=transport, timeout=_TIMEOUT, trust_env=False
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def organisms(self) -> list[dict[str, Any]]:
        """The cards of what this user is offered."""
        found: list[dict[str, Any]] = (await self._asked("GET", "/organisms")).json()
        return found

    async def start(self, handle: str) -> AsyncIterator[dict[str, Any]]:
        """How an organism loads, up to ``ready``. Raises what went wrong with it."""
        try:
            async with self._client.stream("POST", f"/organisms/{handle}/start", timeout=_LOADING) as reply:
                if reply.status_code != httpx2.codes.OK:
                    raise refusal(await reply.aread())
                async for line in reply.aiter_lines():
                    told = json.loads(line)
                    if told["type"] == "failed":
                        raise from_code(str(told["code"]), str(told["message"]))
                    yield told
        except (httpx2.TransportError, ValueError, KeyError):
            raise Unreachable() from None

    async def give(self, handle: str, ticket: Ticket) -> str:
        """Have the token of ``ticket`` let in; the id by which the service knows it."""
        asked = {
            "organism": handle,
            "digest": ticket.digest,
            "caller": ticket.caller,
            "access": str(ticket.access),
            "quota_s": ticket.quota_s,
            "deadline": ticket.deadline,
        }
        return str((await self._asked("POST", "/tickets", json=asked)).json()["id"])

    async def state(self, ticket: str) -> dict[str, Any]:
        """How a ticket stands. Raises NotFound when it has ended."""
        found: dict[str, Any] = (await self._asked("GET", f"/tickets/{ticket}")).json()
        return found

    async def end(self, ticket: str) -> None:
        """Have its token refused."""
        await self._asked("DELETE", f"/tickets/{ticket}")

    async def hand_in(self, handle: str, handed: HandedIn) -> Score | None:
        """Have the service score findings, once for each organism; None: its instructor does not show the score."""
        body = {
            "organism": handle,
            **{field.name: getattr(handed, field.name) for field in fields(handed) if field.name != "submitted"},
            **handed.submitted.model_dump(include={"findings", "summary", "problems"}),
        }
        score = (await self._asked("POST", "/findings", json=body)).json()["score"]
        return None if score is None else Score.model_validate(score)

    async def _asked(self, method: str, path: str, **body: Any) -> httpx2.Response:
        try:
            reply = await self._client.request(method, path, **body)
        except httpx2.TransportError:
            raise Unreachable() from None
        if not reply.is_success:
            raise refusal(reply.content)
        return reply


def refusal(body: bytes) -> InterpBenchError:
    """What the service says is wrong; Unreachable where a proxy on the way speaks for one that is not there."""
    try:
        told = json.loads(body)
        return from_code(str(told["code"]), str(told["message"]))
    except (ValueError, KeyError, TypeError):
        return Unreachable()
