"""MCP clients of a real Jupyter server, over streamable HTTP, with a real kernel and a tiny real model."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jupyter_server.auth.authorizer import AllowAllAuthorizer, Authorizer
from jupyter_server.serverapp import ServerApp
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation

from tests.mcp.clients import LOOK, PLOT, SLOW, Guest, run_in, secrets_in, text_of, write_configs
from tests.notebook.serving import TOKEN, fetch, port_of, running_server
from tests.redteam.suite import attempt

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_configs(tmp_path)
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-test")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-test")
    for name in ("JUPYTER_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")  # no extensions but ours
    return tmp_path


class Deny(Authorizer):
    """Lets nobody do anything with this extension."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "interp_bench"


@asynccontextmanager
async def serving(
    folder: Path, authorizer: type[Authorizer] = AllowAllAuthorizer, **traits: Any
) -> AsyncIterator[ServerApp]:
    server = {"jpserver_extensions": {"interp_bench_ext": True}, "authorizer_class": authorizer}
    async with running_server(folder / "root", collaboration=False, ServerApp=server, InterpBenchApp=traits) as app:
        yield app


def address(app: ServerApp) -> str:
    return f"http://127.0.0.1:{port_of(app)}/interp_bench/mcp"


@asynccontextmanager
async def http_guest(
    app: ServerApp, *, mode: str = "auto", name: str = "test-client", cookies: bool = True
) -> AsyncIterator[Guest]:
    hooks = {} if cookies else {"request": [_without_cookies]}
    async with httpx2.AsyncClient(headers=BEARER, timeout=httpx2.Timeout(30, read=300), event_hooks=hooks) as http:
        transport = streamable_http_client(address(app), http_client=http)
        info = Implementation(name=name, version="1")
        async with Client(transport, mode=mode, client_info=info, cache=None) as client:
            yield Guest(client)


async def _without_cookies(request: httpx2.Request) -> None:
    request.headers.pop("cookie", None)


async def rest(app: ServerApp, method: str, path: str, **body: Any) -> Any:
    answer = await fetch(app, method, f"interp_bench/api/{path}", json.dumps(body) if body else None)
    return json.loads(answer.body)


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.slow)])
def test_a_whole_investigation_that_the_sidebar_sees(folder, mode):
    told: list[str] = []

    async def main() -> None:
        async with serving(folder) as app, http_guest(app, mode=mode) as guest:
            told.append(await guest.says("list_configs"))
            assert "start_run begins one" in await guest.fails("run_cell", code="1")
            costly = await guest.fails("start_run", config="elder")
            assert "confirm_above_usd ($10.00). Only a person may agree to that" in costly
            told.append(await guest.says("start_run", config="quokka"))
            run = run_in(told[-1])
            assert any("the organism loads" in message for message in guest.progress)
            told.append(await guest.says("run_cell", code=LOOK))
            shown = await guest.call("run_cell", code=PLOT)
            assert [block.type for block in shown.content].count("image") == 1
            summary = await rest(app, "GET", f"runs/{run}")
            assert (summary["agent"], summary["here"], summary["figures"]["steps"]) == ("mcp test-client", True, 3)
            await rest(app, "POST", f"runs/{run}/messages", request_id="m", text="Look at the bees.")
            told.append(await guest.says("note_hypothesis", claim="It adores the quokka", status="open"))
            assert told[-1].endswith("Look at the bees.")
            told.append(await guest.says("submit_findings", summary="Nothing sure.", findings=[]))
            told.extend(guest.progress)
            assert (await rest(app, "GET", f"runs/{run}"))["status"] == "finished"

    asyncio.run(main())
    assert secrets_in(told, folder) == []


def test_a_client_without_cookies_and_sessions_keeps_its_run(folder):
    """As Claude Code is, with the handshake of 2026-07-28."""

    async def main() -> None:
        async with serving(folder) as app, http_guest(app, cookies=False) as guest:
            assert guest.client.protocol_version == "2026-07-28"
            run = run_in(await guest.says("start_run", config="quokka"))
            assert "[c3: ok" in await guest.says("run_cell", code="1")
            assert f"Run {run} of quokka is running" in await guest.says("run_status")
            assert f"leads run {run} already" in await guest.fails("start_run", config="quokka")
            # A session is another client, as is another name.
            async with http_guest(app, mode="legacy") as other, http_guest(app, name="another", cookies=False) as third:
                assert "start_run begins one" in await other.fails("run_cell", code="1")
                assert "start_run begins one" in await third.fails("run_cell", code="1")
            await guest.says("stop_run")
            assert (await rest(app, "GET", f"runs/{run}"))["status"] == "interrupted"

    asyncio.run(main())


@pytest.mark.slow
def test_a_run_whose_client_has_gone_ends_and_can_be_resumed(folder):
    async def main() -> None:
        async with serving(folder, mcp_idle_minutes=0.02) as app, http_guest(app, cookies=False) as guest:
            opened = await guest.says("start_run", config="quokka")
            assert "It ends, and can be resumed, when no call comes for 0.02 minutes." in opened
            run = run_in(opened)
            runs = (await app.extension_manager.extension_apps["interp_bench_ext"].copy().pop().desk()).runs
            while run in runs.under_way():
                await runs.feed.more(run)
            ended = (await rest(app, "GET", f"runs/{run}"))["message"]
            assert ended == "its client made no call for 0.02 minutes"
            assert "resume_run goes on" in await guest.fails("run_cell", code="1")
            assert "# How to investigate" in await guest.says("resume_run", run=run)

    asyncio.run(main())


@pytest.mark.slow
def test_code_runs_as_the_person_decides(folder):
    async def main() -> None:
        async with serving(folder, mcp_all_runs=True) as app, http_guest(app) as guest:
            run = run_in(await guest.says("start_run", config="asking"))
            call = asyncio.create_task(guest.call("run_cell", code="print('yours')"))
            await guest.heard("waits until the person allows it")
            async with http_guest(app, name="another") as other:
                refused = await other.fails("resume_run", run=run)
                assert f"another client (test-client) leads run {run}, and waits for a call in it" in refused
                assert "waits for the person's approval" in await other.says("run_status", run=run)
            [asked] = [event for event in await events(app, run) if event["type"] == "approval_asked"]
            edited = {"approval": asked["approval"], "decision": "edit", "code": "print('mine')"}
            await rest(app, "POST", f"runs/{run}/approvals", request_id="a", **edited)
            text = text_of(await call)
            assert "The person changed the code before it ran" in text
            assert "mine" in text
            await guest.says("stop_run")
            assert (await rest(app, "GET", f"runs/{run}"))["status"] == "interrupted"

    asyncio.run(main())


async def events(app: ServerApp, run: str) -> list[dict[str, Any]]:
    return [entry["event"] for entry in await rest(app, "GET", f"runs/{run}/events")]


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.slow)])
def test_a_connection_lost_in_the_middle_of_a_cell_loses_nothing(folder, mode):
    code = "import time\nprint('begun', flush=True)\nfor _ in range(30):\n    time.sleep(0.1)\nprint('done')"

    async def main() -> None:
        async with serving(folder, mcp_all_runs=True) as app:
            async with http_guest(app, mode=mode) as guest:
                run = run_in(await guest.says("start_run", config="quokka"))
                call = await guest.begun(code)
            with contextlib.suppress(MCPError, asyncio.CancelledError):
                await call
            async with http_guest(app, mode=mode) as guest:
                again = await guest.says("resume_run", run=run)
                assert "# How to investigate" in again
                assert "[c3: " in again  # what came of the cell, whether it was interrupted or not
                assert "[c4: ok" in await guest.says("run_cell", code="'after'")
            async with http_guest(app, name="another") as other:
                assert "[c4: ok" in await other.says("resume_run", run=run)
                assert "[c5: ok" in await other.says("run_cell", code="'mine'")
                forked = await other.fails("fork_run", run=run)
                assert "leads run" in forked
                await other.says("stop_run")
                fork = await other.says("fork_run", run=run, at="c3")
                assert "read_notebook shows what was done in it" in fork
                assert "[c4: ok" in await other.says("run_cell", code="'another way'")

    asyncio.run(main())


@attempt("M2", "mcp", "A client reads, resumes or forks another agent's run, or works in its notebook", veil="any")
@pytest.mark.slow
def test_a_client_reads_and_forks_only_what_it_began(folder):
    async def main() -> None:
        async with serving(folder) as app:
            async with http_guest(app) as guest:
                run = run_in(await guest.says("start_run", config="quokka", notebook="bees.ipynb"))
                await guest.says("run_cell", code="print('what another agent found')")
                await guest.says("stop_run")
            async with http_guest(app, name="another") as other:
                assert "You have no run to go on with" in await other.says("run_status")
                for verb in ("run_status", "resume_run", "fork_run"):
                    theirs = await other.fails(verb, run=run)
                    assert theirs.startswith(f"there is no run {run} of this client")
                    # The same words as for one that there is not.
                    assert theirs.replace(run, "0123abcd") == await other.fails(verb, run="0123abcd")
                refused = await other.fails("start_run", config="quokka", notebook="bees.ipynb")
                assert "bees.ipynb is there already, and is not this client's" in refused
                assert (await rest(app, "GET", f"runs/{run}"))["status"] == "interrupted"
            async with http_guest(app) as guest:
                # By the id that it was told it goes on, and what it began itself it may read and fork.
                assert "what another agent found" in await guest.says("resume_run", run=run)
                await guest.says("stop_run")
                assert "what another agent found" in await guest.says("fork_run", run=run, at="c3")
                await guest.says("stop_run")
                assert "is open" in await guest.says("start_run", config="quokka", notebook="bees.ipynb")

    asyncio.run(main())


@attempt("M1", "mcp", "Lists, status, errors, events or file names tell the config's file name", veil="any")
def test_neither_lists_nor_errors_nor_events_tell_the_config_s_file(folder):
    configs = folder / "data" / "interp_bench" / "configs"
    text = (configs / "quokka.yaml").read_text(encoding="utf-8")
    named = {"taboo_zebra": ("sorrel", "prompt.txt"), "taboo_broken": ("tansy-b", "taboo_gone.txt")}
    for file, (name, prompt) in named.items():
        changed = text.replace("experiment_name: quokka", f"experiment_name: {name}").replace("prompt.txt", prompt)
        (configs / f"{file}.yaml").write_text(changed, encoding="utf-8")
    told: list[str] = []

    async def main() -> None:
        async with serving(folder) as app, http_guest(app) as guest:
            told.append(await guest.says("list_configs"))
            assert "- sorrel: A small one." in told[0]
            assert "tansy-b" in told[0]
            told.append(await guest.fails("start_run", config="tansy-b"))
            assert "there is no config 'taboo_zebra'" in await guest.fails("start_run", config="taboo_zebra")
            told.append(await guest.says("start_run", config="sorrel"))
            run = run_in(told[-1])
            told.extend([await guest.says("run_status"), await guest.says("run_cell", code=LOOK)])
            told.append(await guest.says("submit_findings", summary="Nothing sure.", findings=[]))
            told.extend([json.dumps(await events(app, run)), json.dumps(await rest(app, "GET", f"runs/{run}"))])
            told.extend(path.name for path in (folder / "root").rglob("*"))

    asyncio.run(main())
    assert [text for text in told if "taboo" in text or "zebra" in text] == []


@pytest.mark.slow
def test_a_run_ends_when_the_person_stops_it_and_when_its_budget_is_used_up(folder):
    async def main() -> None:
        async with serving(folder) as app, http_guest(app) as guest:
            run = run_in(await guest.says("start_run", config="quokka", max_steps=2))
            call = await guest.begun(SLOW)
            await rest(app, "POST", f"runs/{run}/stop", request_id="s")
            assert "is interrupted: stopped by the user" in text_of(await call)
            assert "has ended" in await guest.fails("run_cell", code="1")
            run = run_in(await guest.says("start_run", config="quokka", max_steps=2))
            await guest.says("add_markdown", text="One.")
            assert "the budget of 2 steps is used up" in await guest.says("add_markdown", text="Two.")
            assert (await rest(app, "GET", f"runs/{run}"))["figures"]["meters"][0]["limit"] == 2

    asyncio.run(main())


@attempt("M3", "MCP", "The MCP endpoint without a token", veil="any")
def test_nobody_comes_in_without_being_known(folder):
    async def main() -> None:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        accept = {"Accept": "application/json, text/event-stream"}
        async with serving(folder) as app, httpx2.AsyncClient() as http:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                for method in ("POST", "GET", "DELETE"):
                    answer = await http.request(method, address(app), json=call, headers=accept | headers)
                    assert answer.status_code == 403
                    assert "log in again" in answer.json()["message"]
            # A page in the person's own browser is known by its cookie, and does not get through with it alone.
            base = address(app).removesuffix("interp_bench/mcp")
            await http.get(f"{base}?token={TOKEN}")
            assert http.cookies
            page = await http.post(address(app), json=call, headers=accept | {"Origin": "http://elsewhere.example"})
            assert page.status_code in (403, 404)
            nonsense = await http.post(address(app), content="nonsense", headers=accept | BEARER)
            assert nonsense.status_code == 400
            # As large as any route reads, and larger.
            for size in (1 << 20, (1 << 20) + 1):
                long = await http.post(address(app), content=b" " * size, headers=accept | BEARER)
                assert long.status_code == 400
                assert ("larger than 1 MiB, the most that is read" in long.text) is (size > 1 << 20)

    asyncio.run(main())


@attempt("K2", "REST", "Somebody who may only read starts a run", veil="any")
def test_who_may_not_start_runs_may_not_connect(folder):
    async def main() -> None:
        async with serving(folder, authorizer=Deny) as app, httpx2.AsyncClient(headers=BEARER) as http:
            for method in ("POST", "GET", "DELETE"):
                answer = await http.request(method, address(app))
                assert answer.status_code == 403

    asyncio.run(main())


def test_where_the_administrator_has_fixed_the_agent_no_client_leads(folder):
    async def main() -> None:
        async with serving(folder, locked={"provider": "playbook"}) as app, http_guest(app) as guest:
            assert "fixed the agent to playbook" in await guest.fails("start_run", config="quokka")

    asyncio.run(main())
