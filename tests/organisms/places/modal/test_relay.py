"""The relay's own loop, which is the run's: what a kernel sends it must not keep the others waiting."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.host.tickets import Admitted
from interp_bench_ext.organisms.places.modal.relay import Relay
from interp_bench_ext.organisms.tickets import Lease, admitted
from tests.redteam.suite import attempt

LISTS = b'{"technique":"echo","arguments":{"text":[' + b"[]," * (20 << 20) + b"[]]}}"
"""60 MiB of lists."""


_FLOOD = "A message of 60 MiB of lists keeps the relay of a Modal organism busy"


class Served:
    """A relay that asks nobody, as an organism."""

    specs, revisions, lost, device = (), (), None, "cpu"

    def __init__(self) -> None:
        self.asked = 0
        self.relay = Relay((), lambda _: {"state": "ready"}, self._call)

    @property
    def url(self) -> str:
        return self.relay.url

    def busy_s(self, ticket: str | None = None) -> float:
        del ticket
        return 0.0

    async def admit(self, ticket) -> None:
        self.relay.tickets.admit(ticket)

    async def _call(self, body: bytes, caller: str, admitted: Admitted) -> AsyncGenerator[bytes, None]:
        del body, caller, admitted
        self.asked += 1
        yield b"H" + (2).to_bytes(8, "big") + b"{}"


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Served, Lease, aiohttp.ClientSession]]:
    served = Served()
    await served.relay.start()
    lease = await admitted(served, Terms(caller="a run", access=Access.BASE))
    connector = aiohttp.UnixConnector(served.url.removeprefix("unix://"))
    async with aiohttp.ClientSession(connector=connector) as http:
        yield served, lease, http
    await served.relay.stop()


def bearer(lease: Lease) -> dict[str, str]:
    return {"Authorization": f"Bearer {lease.connection.token}"}


async def answer(http: aiohttp.ClientSession, lease: Lease, body: object) -> str:
    async with http.post("http://relay/calls", data=body, headers=bearer(lease)) as reply:
        return (await reply.read())[9:].decode()


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1 << 16):
        yield body[start : start + (1 << 16)]


@pytest.mark.parametrize(
    "chunked",
    [
        pytest.param(announced, marks=attempt(name, "organism", f"{_FLOOD} ({how})", veil="remote"))
        for announced, name, how in ((False, "N2", "its length announced"), (True, "N2c", "in chunks"))
    ],
)
def test_a_message_of_lists_is_refused_and_the_others_are_answered(chunked: bool) -> None:
    async def main() -> None:
        async with relayed() as (served, lease, http):
            sending = asyncio.create_task(answer(http, lease, in_chunks(LISTS) if chunked else io.BytesIO(LISTS)))
            slowest, answered = 0.0, 0
            while not sending.done() or answered < 3:
                # Of this thread alone: what else the machine does is not the relay's.
                began = time.thread_time()
                async with http.get("http://relay/health", headers=bearer(lease)) as reply:
                    assert reply.status == 200
                slowest, answered = max(slowest, time.thread_time() - began), answered + 1
            with contextlib.suppress(aiohttp.ClientError):
                assert "larger than 8 MiB" in json.loads(await sending)["message"]
            assert slowest < 0.2
            assert served.asked == 0

    asyncio.run(main())


def test_a_held_ticket_s_calls_wait_here_until_it_is_let_go() -> None:
    body = b'{"technique":"echo","arguments":{}}'

    async def main() -> None:
        async with relayed() as (served, lease, http):
            served.relay.tickets.hold(lease.ticket.id, held=True)
            async with http.post("http://relay/calls", data=body, headers=bearer(lease)) as reply:
                head = await reply.content.readexactly(9)
                assert head[:1] == b"P"
                said = await reply.content.readexactly(int.from_bytes(head[1:], "big"))
                assert (json.loads(said)["stage"], served.asked) == ("paused by a person", 0)
                served.relay.tickets.hold(lease.ticket.id, held=False)
                assert (await reply.read()).endswith(b"{}")
                assert served.asked == 1

    asyncio.run(main())


@pytest.mark.parametrize("inner", [b"[" * 90_000, b"[" + b"[]," * 2_000_000 + b"[]]", b"nonsense"])
def test_what_costs_much_to_read_is_refused_before_modal_is_asked(inner: bytes) -> None:
    body = b'{"technique":"echo","arguments":{"text":' + inner + b"}}"

    async def main() -> None:
        async with relayed() as (served, lease, http):
            began = time.thread_time()
            assert json.loads(await answer(http, lease, io.BytesIO(body)))["code"] == "bad_input"
            assert time.thread_time() - began < 0.2
            assert served.asked == 0
            assert await answer(http, lease, b'{"technique":"echo","arguments":{}}') == "{}"
            assert served.asked == 1

    asyncio.run(main())
