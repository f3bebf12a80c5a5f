from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import KernelDied

from .support import BOTH_VEILS, Kind, at, every_kind, run, text_of

STUBBORN = """
while True:
    try:
        while True:
            pass
    except KeyboardInterrupt:
        pass
"""


@every_kind
def test_a_slow_cell_times_out_and_the_kernel_goes_on(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, _):
            await run(session, "x = 5")
            slow = await run(session, "print('partly', flush=True)\nwhile True: pass", timeout_s=0.5)
            assert slow.status == "timeout"
            assert text_of(slow.outputs) == "partly\n"
            after = await run(session, "print(x)")
            assert (after.status, text_of(after.outputs)) == ("ok", "5\n")

    asyncio.run(scenario())


@every_kind
def test_a_kernel_that_ignores_interrupts_is_ended(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session(grace_s=0.5) as (session, events):
            assert (await run(session, STUBBORN, timeout_s=0.5)).status == "timeout"
            assert "did not react" in events.of("kernel_died")[0].reason
            cell_id = await session.add_code("1")
            with pytest.raises(KernelDied, match="restart it"):
                await session.run_cell(cell_id, timeout_s=5)
            await session.restart_kernel()
            assert (await session.run_cell(cell_id, timeout_s=5)).status == "ok"

    asyncio.run(scenario())


@every_kind
@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_a_kernel_that_dies_is_noticed_at_once(root: Path, kind: Kind, veil: Veil) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session(veil=veil) as (session, events):
            done = await run(session, "import os\nprint('last words', flush=True)\nos._exit(7)", timeout_s=60)
            assert done.status == "kernel_died"
            assert done.duration_s < 5
            assert "exit code 7" in events.of("kernel_died")[0].reason
            assert not session.kernel_alive
            await session.restart_kernel()
            cell_id = await session.add_code("1")
            assert session._kernel is not None
            os.kill(session._kernel.pid, signal.SIGKILL)
            await events.until(lambda event: event.type == "kernel_died" and "was killed" in event.reason)
            with pytest.raises(KernelDied):
                await session.run_cell(cell_id, timeout_s=5)

    asyncio.run(scenario())


@every_kind
def test_a_cell_that_ends_the_kernel_is_the_one_that_did(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            for source in ("print('bye')\nexit()", "quit", "exit()\n1 / 0"):
                done = await run(session, source)
                assert (done.status, session.kernel_alive) == ("kernel_died", False)
                assert "by the cell itself, with exit() or quit()" in events.of("kernel_died")[-1].reason
                await session.restart_kernel()
            for source, status in (("exit(True)", "ok"), ("import sys\nsys.exit(3)", "error")):
                assert (await run(session, source)).status == status
                assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


def test_a_kernel_that_goes_after_its_cell_takes_no_later_cell_with_it(root: Path) -> None:
    """Its event loop was stopped: it answers, and only then it ends."""

    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, events):
            guilty = await run(session, "import asyncio\nasyncio.get_running_loop().stop()")
            assert guilty.status == "ok"
            innocent = await session.add_code("print('here')")
            with pytest.raises(KernelDied, match="exit code 0"):
                await session.run_cell(innocent, timeout_s=20)
            assert [event.cell_id for event in events.of("cell_started")] == [guilty.cell_id]
            assert innocent not in [event.cell_id for event in events.of("cell_finished")]
            await session.restart_kernel()
            assert (await session.run_cell(innocent, timeout_s=20)).status == "ok"

    asyncio.run(scenario())


@every_kind
@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_interrupt_and_cancellation_end_the_running_cell_only(root: Path, kind: Kind, veil: Veil) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session(veil=veil) as (session, events):
            await session.interrupt()
            # An interrupt that comes before the kernel has begun with the cell must not be lost.
            for moment in ("cell_started", "cell_output"):
                cell_id = await session.add_code("print('on', flush=True)\nwhile True: pass")
                task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
                await events.until(
                    lambda event, key=(moment, cell_id): (event.type, getattr(event, "cell_id", "")) == key
                )
                await session.interrupt()
                assert (await task).status == "interrupted"
            task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
            seen = len(events)
            await events.until(lambda event: event in events[seen:] and event.type == "cell_output")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert events.of("cell_finished")[-1].status == "interrupted"
            # What ended with the run says so in one line, and not where Python was.
            assert session.outputs(cell_id)[-1]["traceback"] == ["Stopped: the run was ended while this cell ran."]
            assert (await run(session, "print('next')")).status == "ok"

    asyncio.run(scenario())


DROP_THE_NEXT_REQUEST = """
kernel = get_ipython().kernel
original = kernel.do_execute
async def interrupted_at_once(*args, **kwargs):
    kernel.do_execute = original
    raise KeyboardInterrupt
kernel.do_execute = interrupted_at_once
"""


def test_a_cell_that_an_interrupt_hits_before_its_first_line_ends_and_the_kernel_lives(root: Path) -> None:
    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, events):
            await run(session, DROP_THE_NEXT_REQUEST)
            done = await run(session, "print('never printed')", timeout_s=60)
            assert (done.status, done.outputs) == ("interrupted", [])
            assert (await run(session, "original is kernel.do_execute")).status == "ok"
            assert len(events.of("kernel_started")) == 1

    asyncio.run(scenario())
