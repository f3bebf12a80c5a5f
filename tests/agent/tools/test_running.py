from __future__ import annotations

from interp_bench_ext.agent.tools.running import describe_cell
from tests.agent.desk import Desk, at_desk


def test_a_cell_of_the_run_is_told_as_it_stands(tmp_path):
    told = {}

    async def work(desk: Desk) -> None:
        session = desk.gate.session
        await desk.call("run_cell", code="print('done')")
        await desk.call("run_cell", code="1 / 0")
        for cell_id in ("c1", "c2"):
            told[cell_id] = describe_cell(session, cell_id)
        await desk.call("start_cell", code="print('begun', flush=True)\n__import__('time').sleep(60)")
        while not session.notebook.outputs("c3"):
            await desk.call("poll_cell", cell_id="c3", wait_s=0.2)
        told["c3"] = describe_cell(session, "c3")
        await desk.call("interrupt")

    at_desk(tmp_path, work)
    first, second, third = (told[cell_id].content[0]["text"] for cell_id in ("c1", "c2", "c3"))
    assert first.startswith("[c1: ok, ")
    assert first.endswith(" s]\ndone")
    assert (told["c1"].is_error, told["c2"].is_error, told["c3"].is_error) == (False, True, False)
    assert second.startswith("[c2: error, ")
    assert "ZeroDivisionError" in second
    assert third.startswith("[c3: running, ")
    assert third.endswith(" s so far]\nbegun")
