"""A call passed on to the organism's process, and its frames passed back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx2

from ..errors import InterpBenchError, OrganismLost, from_code
from ..organisms.frame_watch import FrameWatch
from ..organisms.tickets import Lease

_PAUSE_S = 0.2
_LOST = "The organism's process ended while the call was under way: run the cell again."


class Forward:
    """Connections to the organisms of this machine."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx2.AsyncClient] = {}

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def call(self, lease: Lease, body: bytes) -> AsyncGenerator[bytes, None]:
        """The reply's frames in pieces. One whose process ends before a result has begun is made once more.

        Raises OrganismLost, or what the organism answers instead of frames.
        """
        again = True
        while True:
            watch = FrameWatch()
            try:
                async for piece in self._once(lease, body):
                    watch.feed(piece)
                    yield piece
                return
            except httpx2.ConnectError:
                pass  # nothing was asked yet: it is on its way back, or lost for good
            except httpx2.TransportError:
                if watch.begun or not watch.between or not again:
                    raise OrganismLost(_LOST) from None
                again = False
            await asyncio.sleep(_PAUSE_S)
            await lease.organism.wait_ready()

    async def _once(self, lease: Lease, body: bytes) -> AsyncGenerator[bytes, None]:
        headers = {"Authorization": f"Bearer {lease.connection.token}", "Content-Type": "application/json"}
        client, root = self._client(lease.connection.url)
        async with client.stream("POST", f"{root}/calls", content=body, headers=headers) as reply:
            if reply.status_code != httpx2.codes.OK:
                raise _refused(await reply.aread())
            async for piece in reply.aiter_raw():
                yield piece

    def _client(self, url: str) -> tuple[httpx2.AsyncClient, str]:
        """A client for the organism at ``url``, and what its addresses begin with."""
        client = self._clients.get(url)
        if client is None:
            socket = url.removeprefix("unix://")
            transport = httpx2.AsyncHTTPTransport(uds=socket if socket != url else None, verify=False, trust_env=False)
            client = self._clients[url] = httpx2.AsyncClient(transport=transport, timeout=None)
        return client, url if url.startswith("http") else "http://organism"


def _refused(body: bytes) -> InterpBenchError:
    try:
        told = json.loads(body)
        return from_code(str(told["code"]), str(told["message"]))
    except (ValueError, KeyError, TypeError):
        return OrganismLost(_LOST)
