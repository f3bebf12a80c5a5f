"""A person restarts, interrupts, takes away or uses the kernel of a run that is under way in a Jupyter server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import KernelDied

from .persons import WAIT_FOR, died, person, printed, session_of
from .serving import fetch
from .support import BOTH_VEILS, at, run, text_of, until


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_a_kernel_that_a_person_restarts_is_used_as_it_is(root: Path, veil: Veil) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session(veil=veil) as (session, events):
            cell_id = await session.add_code(WAIT_FOR.format(name="never"))
            task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
            await events.until(printed)
            await fetch(place.app, "POST", f"api/kernels/{session.kernel_id}/restart", "{}")
            assert (await task).status in ("kernel_died", "interrupted")
            assert "restarted by somebody else" in (await events.until(died)).reason  # type: ignore[union-attr]
            manager = place.app.kernel_manager.get_kernel(session.kernel_id)
            process = manager.provisioner.process
            with pytest.raises(KernelDied, match="restarted by somebody else"):
                await session.run_cell(cell_id, timeout_s=5)
            await session.restart_kernel()
            assert manager.provisioner.process is process
            assert (await run(session, "print(1)")).status == "ok"

    asyncio.run(scenario())


def test_a_restart_that_is_under_way_is_waited_for(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            kernel_id = session.kernel_id
            await run(session, "x = 1")
            theirs = asyncio.create_task(fetch(place.app, "POST", f"api/kernels/{kernel_id}/restart", "{}"))
            await events.until(died)
            await session.restart_kernel()
            await theirs
            assert session.kernel_id == kernel_id
            assert (await run(session, "x")).status == "error"
            assert (await run(session, "2")).execution_count == 2

    asyncio.run(scenario())


def test_a_person_s_interrupt_ends_the_cell_as_interrupted(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            cell_id = await session.add_code(WAIT_FOR.format(name="never"))
            task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
            await events.until(printed)
            await fetch(place.app, "POST", f"api/kernels/{session.kernel_id}/interrupt", "{}")
            assert (await task).status == "interrupted"
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["shut down", "changed", "no kernel"])
def test_a_kernel_that_a_person_takes_away_is_replaced(root: Path, how: str) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            first, model = str(session.kernel_id), await session_of(place.app)
            if how == "shut down":
                await fetch(place.app, "DELETE", f"api/kernels/{first}")
            elif how == "no kernel":
                await fetch(place.app, "DELETE", f"api/sessions/{model['id']}")
            else:
                body = json.dumps({"kernel": {"name": "python3"}})
                await fetch(place.app, "PATCH", f"api/sessions/{model['id']}", body)
            theirs = {kernel["id"] for kernel in place.app.kernel_manager.list_kernels()}
            assert first not in theirs
            assert "shut down or changed by somebody else" in (await events.until(died)).reason  # type: ignore[union-attr]
            await session.restart_kernel()
            assert session.kernel_id not in {first, *theirs}
            assert (await session_of(place.app))["kernel"]["id"] == session.kernel_id
            assert theirs <= {kernel["id"] for kernel in place.app.kernel_manager.list_kernels()}
            assert (await run(session, "print(1)")).status == "ok"

    asyncio.run(scenario())


def test_a_person_s_cell_is_left_to_end_before_the_agent_s(root: Path) -> None:
    async def scenario() -> None:
        async with (
            at("contents", root) as place,
            place.session() as (session, events),
            person(place.app, str(session.kernel_id)) as client,
        ):
            theirs = asyncio.ensure_future(client.execute(WAIT_FOR.format(name="go"), reply=True, timeout=60))
            await until(lambda: session._kernel is not None and session._kernel.iopub.busy_elsewhere)
            # Neither the deadline nor a stop of the agent's cell ends theirs.
            slow = asyncio.create_task(run(session, "print('mine')", timeout_s=0.5))
            await events.until(lambda event: event.type == "cell_started")
            stopped = await slow if slow.done() else None
            await session.interrupt()
            assert (stopped or await slow).status == "interrupted"
            assert not theirs.done()
            mine = asyncio.create_task(run(session, "print('mine')", timeout_s=30))
            (root / "n_files" / "go").touch()
            assert (await theirs)["content"]["status"] == "ok"
            assert text_of((await mine).outputs) == "mine\n"

    asyncio.run(scenario())
