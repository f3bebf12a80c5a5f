from __future__ import annotations

import asyncio

import pytest

from interp_bench_ext.runs.idempotency import Once, command_of
from tests.redteam.suite import attempt


def test_a_command_that_comes_twice_is_done_once():
    async def main():
        once, gate, done = Once(), asyncio.Event(), []

        async def work():
            await gate.wait()
            done.append("x")
            return len(done)

        both = [asyncio.create_task(once("a", work)) for _ in range(2)]
        gate.set()
        assert await asyncio.gather(*both) == [1, 1]
        assert await once("a", work) == 1
        assert await once("b", work) == 2

    asyncio.run(main())


@attempt(
    "K7",
    "rest",
    "A request id that somebody else has used, or another body, is answered with the first reply",
    veil="any",
)
def test_a_reply_is_for_the_same_request_of_the_same_user():
    first = {"user": "ann", "path": "/api/runs", "body": '{"request_id":"r","config":"amber"}'}
    others = [{"user": "ben"}, {"path": "/api/organisms"}, {"body": '{"request_id":"r","config":"flint"}'}]

    async def main():
        once, seen = Once(), []

        async def work():
            seen.append("x")
            return len(seen)

        for change in ({}, *others, {}):
            await once(command_of(**{**first, **change}), work)
        assert len(seen) == 1 + len(others)
        assert await once(command_of(**first), work) == 1

    asyncio.run(main())


def test_a_command_goes_on_when_its_client_goes_away():
    async def main():
        once, gate, done = Once(), asyncio.Event(), asyncio.Event()

        async def work():
            await gate.wait()
            done.set()

        client = asyncio.create_task(once("a", work))
        await asyncio.sleep(0)
        client.cancel()
        gate.set()
        await asyncio.wait_for(done.wait(), 5)

    asyncio.run(main())


def test_a_command_that_failed_may_be_tried_again():
    async def main():
        once, tries = Once(), []

        async def work():
            tries.append("x")
            if len(tries) == 1:
                raise ValueError("no")
            return "yes"

        with pytest.raises(ValueError, match="no"):
            await once("a", work)
        assert await once("a", work) == "yes"

    asyncio.run(main())


def test_the_memory_is_bounded():
    async def main():
        once, done = Once(), []

        async def work():
            done.append("x")

        for number in range(1500):
            await once(str(number), work)
        await once("1499", work)
        assert len(done) == 1500
        await once("0", work)
        assert len(done) == 1501

    asyncio.run(main())
