from __future__ import annotations

import asyncio

from interp_bench_ext.runs.wakeups import Feed


def test_readers_of_a_run_wake_when_it_has_more():
    async def scenario() -> None:
        feed = Feed()
        readers = [asyncio.create_task(feed.more("r1")) for _ in range(2)]
        other = asyncio.create_task(feed.more("r2"))
        await asyncio.sleep(0)
        feed.tell("r1")
        done, _ = await asyncio.wait([*readers, other], return_when=asyncio.FIRST_COMPLETED)
        assert other not in done
        await asyncio.gather(*readers)
        feed.close()
        await other
        assert feed.closed

    asyncio.run(scenario())


def test_a_reader_looks_again_by_itself_for_runs_of_other_processes():
    asyncio.run(asyncio.wait_for(Feed().more("r1"), timeout=5))
