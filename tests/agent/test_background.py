"""Cells that run in the background, at a real kernel."""

from __future__ import annotations

import asyncio

from tests.agent.desk import Desk, again, at_desk

COUNT = "import time\nfor i in range(1000):\n    print('line', i, flush=True)\n    time.sleep(0.05)"
WAIT = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.02)\nprint('went')"


def test_a_cell_in_the_background_is_polled_until_its_end(tmp_path):
    async def work(desk: Desk) -> None:
        assert await desk.call("start_cell", code=WAIT) == (
            False,
            '[c1: running] poll_cell(cell_id="c1") shows its outputs so far, or its end.',
        )
        is_error, text = await desk.call("poll_cell", cell_id="c1", wait_s=0)
        assert (is_error, text.splitlines()[0].partition(",")[0]) == (False, "[c1: running")
        (tmp_path / "n_files" / "go").touch()
        is_error, text = await desk.call("poll_cell", cell_id="c1", wait_s=60)
        assert not is_error
        assert text.startswith("[c1: ok, ")
        assert text.endswith("\nwent")
        assert (await desk.call("poll_cell", cell_id="c1", wait_s=0))[1] == text

    desk = at_desk(tmp_path, work)
    assert [event.cell_id for event in desk.of("cell_started", "cell_finished")] == ["c1", "c1"]


def test_outputs_so_far_are_shown(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code=COUNT)
        await desk.events.until(lambda event: event.type == "cell_output")
        assert "line 0\n" in (await desk.call("poll_cell", cell_id="c1", wait_s=0.5))[1]
        assert "line 0\n" in (await desk.call("read_output", cell_id="c1"))[1]

    at_desk(tmp_path, work)


def test_other_code_must_wait_and_leaves_nothing_behind(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("run_cell", code="x = 1")
        await desk.call("start_cell", code=WAIT)
        for call in (
            ("run_cell", {"code": "1"}),
            ("start_cell", {"code": "1"}),
            ("edit_cell", {"cell_id": "c1", "code": "1"}),
        ):
            [result] = await desk.reply(call)
            assert result.is_error
            assert "the kernel is busy: c2 has been running" in result.content[0]["text"]
        assert (await desk.call("submit_findings", summary="s"))[1].startswith("c2 is still running")
        assert await desk.call("add_markdown", text="meanwhile") == (False, "[c3: added]")

    desk = at_desk(tmp_path, work)
    assert [event.cell_id for event in desk.of("cell_added")] == ["c1", "c2", "c3"]
    assert desk.of("cell_edited", "findings_refused", "findings_submitted") == []


def test_interrupt_ends_the_cell_and_keeps_the_kernel(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("run_cell", code="kept = 41")
        started, interrupted = await desk.reply(("start_cell", {"code": COUNT}), ("interrupt", {}))
        assert not started.is_error
        assert not interrupted.is_error
        assert interrupted.content[0]["text"].startswith("[c2: interrupted, ")
        assert (await desk.call("run_cell", code="kept + 1"))[1].endswith("\n42")
        assert await desk.call("interrupt") == (True, "no cell is running")

    at_desk(tmp_path, work)


def test_a_kernel_that_ignores_the_interrupt_is_replaced_and_the_agent_is_told(tmp_path):
    stubborn = (
        "import time\nwhile True:\n    try:\n        print('on', flush=True)\n        time.sleep(0.05)\n"
        "    except KeyboardInterrupt:\n        pass"
    )

    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code=stubborn)
        await desk.events.until(lambda event: event.type == "cell_output")
        text = (await desk.call("interrupt"))[1]
        assert "did not react to the interrupt" in text
        assert "its variables are gone" in text
        assert (await desk.call("run_cell", code="2"))[1].endswith("\n2")

    at_desk(tmp_path, work)


def test_restart_kernel_ends_the_cell_and_says_that_variables_are_gone(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("run_cell", code="x = 1")
        [_, restarted] = await desk.reply(("start_cell", {"code": COUNT}), ("restart_kernel", {}))
        told = "\n".join(block["text"] for block in restarted.content)
        assert told.startswith("[the kernel was restarted]\n")
        assert "its variables are gone" in told
        is_error, text = await desk.call("run_cell", code="x")
        assert is_error
        assert "NameError" in text

    desk = at_desk(tmp_path, work)
    assert desk.of("cell_finished")[1].status == "interrupted"


def test_a_kernel_that_dies_in_the_background_is_told_with_the_next_result_whatever_it_is(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code="import os\nos._exit(3)")
        await desk.events.until(lambda event: event.type == "cell_finished")
        await desk.events.until(lambda event: event.type == "kernel_died")
        is_error, text = await desk.call("list_techniques")
        assert not is_error
        assert "The kernel has gone. The kernel ended by itself with exit code 3." in text
        assert 'c1 has ended in the background (kernel_died after 0 s): poll_cell(cell_id="c1")' in text
        assert (await desk.call("list_techniques"))[1] == "chat() [sample]: Ask."
        text = (await desk.call("poll_cell", cell_id="c1"))[1]
        assert text.startswith("[c1: kernel_died, ")
        assert "A new kernel is running" in text
        assert (await desk.call("run_cell", code="3"))[1].endswith("\n3")

    at_desk(tmp_path, work)


def test_an_end_that_the_result_itself_shows_is_not_told_twice(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code="5")
        text = (await desk.call("poll_cell", cell_id="c1", wait_s=60))[1]
        assert "has ended in the background" not in text

    at_desk(tmp_path, work)


def test_it_goes_on_while_the_run_is_paused(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code=WAIT)
        desk.gate.pause()
        polling = asyncio.create_task(desk.call("poll_cell", cell_id="c1", wait_s=60))
        (tmp_path / "n_files" / "go").touch()
        await desk.events.until(lambda event: event.type == "cell_finished")
        assert not polling.done()
        desk.gate.unpause()
        assert (await polling)[1].endswith("\nwent")

    at_desk(tmp_path, work)


def test_a_message_ends_the_waiting_and_the_cell_goes_on(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code=WAIT)
        polling = asyncio.create_task(desk.call("poll_cell", cell_id="c1", wait_s=600))
        await asyncio.wait([polling], timeout=0.3)
        desk.tell("Look at the weather instead.")
        assert (await polling)[1].startswith("[c1: running, ")

    at_desk(tmp_path, work)


def test_the_end_of_the_run_ends_the_cell_and_a_resumed_run_knows(tmp_path):
    desk = Desk(tmp_path)

    async def first() -> None:
        async with desk.open():
            await desk.call("run_cell", code="x = 1")
            await desk.call("start_cell", code=COUNT)
            await desk.events.until(lambda event: event.type == "cell_output")

    async def second() -> None:
        async with desk.open():
            is_error, text = await desk.call("poll_cell", cell_id="c2", wait_s=60)
            assert is_error
            assert text.startswith("[c2: interrupted, ")
            assert "line 0" in text
            assert "The investigation was interrupted and goes on." in text
            assert "A new kernel is running" in text

    asyncio.run(first())
    assert desk.of("cell_finished")[-1].status == "interrupted"
    asyncio.run(second())


def test_a_crash_during_the_cell_is_recorded_when_the_run_goes_on(tmp_path):
    desk = Desk(tmp_path)

    async def first() -> int:
        async with desk.open():
            await desk.call("start_cell", code=COUNT)
            await desk.events.until(lambda event: event.type == "cell_output")
            return len(desk.events)

    # What comes after the kill is not recorded.
    del desk.events[asyncio.run(first()) :]
    desk.state = again(desk.events)

    async def second() -> None:
        async with desk.open():
            assert desk.of("cell_finished")[-1].status == "interrupted"
            assert (await desk.call("poll_cell", cell_id="c1"))[1].startswith("[c1: interrupted, ")
            assert (await desk.call("run_cell", code="7"))[1].startswith("[c2: ok, ")

    asyncio.run(second())


def test_the_cell_says_whether_it_asked_the_organism(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("start_cell", code=f"{WAIT}\nprint('asked', file=open('asked.txt', 'a'))")
        (tmp_path / "n_files" / "go").touch()
        await desk.events.until(lambda event: event.type == "cell_finished")
        await desk.call("run_cell", code="1")

    desk = at_desk(tmp_path, work)
    assert [event.organism_s for event in desk.of("cell_finished")] == [1.0, 0.0]
