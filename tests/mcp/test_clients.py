from __future__ import annotations

import pytest

from interp_bench_ext.api import ResumeRun, StartRun
from interp_bench_ext.errors import BadInput, NotFound, NotNow
from interp_bench_ext.mcp.clients import Client, Clients, led_by_client
from interp_bench_ext.record.events import RunEnded
from interp_bench_ext.runs.manager import RunManager

from .recorded import ONE, OTHER, recorded, with_manager

RESUME = ResumeRun(request_id="1")
END = RunEnded(status="interrupted", message="")


def test_who_leads_no_run_is_told_how_to_begin(tmp_path):
    async def work(manager: RunManager) -> None:
        clients = Clients(runs=manager, attended=True)
        assert (clients.leads(ONE), clients.lead_now(ONE), clients.lead_of("r1")) == (False, None, None)
        with pytest.raises(NotNow, match="this client leads no run: start_run begins one"):
            clients.of(ONE)
        with pytest.raises(NotNow, match="leads no run"):
            await clients.call(ONE, "run_cell", {})
        await clients.close()

    with_manager(tmp_path, work)


def test_a_run_is_resumed_by_the_client_that_began_it(tmp_path):
    async def work(manager: RunManager) -> None:
        clients = Clients(runs=manager, attended=True)
        run = recorded(manager, tmp_path / "a.ipynb", END)
        with pytest.raises(NotFound, match="there is no run"):
            await clients.resume(OTHER, run, RESUME)
        opened = Clients(runs=manager, attended=True, all_runs=True)
        of_the_playbook = recorded(manager, tmp_path / "a.ipynb", END, client=None)
        with pytest.raises(NotNow, match="is led by playbook, not by an MCP client; fork_run begins a copy"):
            await opened.resume(ONE, of_the_playbook, RESUME)
        elsewhere = recorded(manager, tmp_path.parent / "elsewhere.ipynb", END)
        with pytest.raises(NotNow, match="works in a notebook outside this server's folder"):
            await clients.resume(ONE, elsewhere, RESUME)

    with_manager(tmp_path, work)


def test_a_notebook_of_others_is_refused_before_anything_is_loaded(tmp_path):
    async def work(manager: RunManager) -> None:
        (tmp_path / "old.ipynb").touch()
        clients = Clients(runs=manager, attended=True)
        with pytest.raises(BadInput, match="is not this client's"):
            await clients.start(ONE, StartRun(request_id="1", config="fern", notebook="old.ipynb"))

    with_manager(tmp_path, work)


def test_where_the_agent_is_fixed_no_client_leads(tmp_path):
    async def work(manager: RunManager) -> None:
        clients = Clients(runs=manager, attended=True, locked={"provider": "playbook"})
        with pytest.raises(BadInput, match="the administrator has fixed the agent to playbook"):
            await clients.start(ONE, StartRun(request_id="1", config="fern"))

    with_manager(tmp_path, work)


def test_clients_are_led_by_name_and_told_apart_by_key(tmp_path):
    async def work(manager: RunManager) -> None:
        assert led_by_client(manager.summary(recorded(manager, tmp_path / "a.ipynb")))
        assert not led_by_client(manager.summary(recorded(manager, tmp_path / "b.ipynb", client=None)))

    with_manager(tmp_path, work)
    assert Client(key="a", name="x") == Client(key="a", name="x") != Client(key="b", name="x")
