"""`interp-bench mcp` as a client starts it, with a real kernel and a tiny real model."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from PIL import Image

from interp_bench_ext.agent.tools import TOOLS
from interp_bench_ext.mcp.verbs import VERBS
from interp_bench_ext.record.cell_events import CellFinished
from interp_bench_ext.record.events import AgentReplied, RunEnded, RunStarted
from tests.mcp.clients import (
    LARGE_AND_BROKEN,
    LOOK,
    PLOT,
    SLOW,
    SLOW_ONCE,
    Guest,
    environment,
    journal_of,
    run_in,
    secrets_in,
    stdio_guest,
    text_of,
    write_configs,
)
from tests.redteam.suite import attempt


@pytest.fixture
def folder(tmp_path):
    write_configs(tmp_path)
    return tmp_path


def command(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "interp_bench_ext", *arguments],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@attempt("M4", "mcp", "A score of a client with tools of its own passes for a sandboxed agent's", veil="any")
@pytest.mark.slow
def test_a_whole_investigation(folder):
    told: list[str] = []

    async def main() -> None:
        async with stdio_guest(folder) as guest:
            tools = {tool.name: tool for tool in (await guest.client.list_tools()).tools}
            assert set(tools) == {entry.spec.name for entry in (*VERBS, *TOOLS)}
            assert {tool.annotations.destructive_hint for tool in tools.values()} == {False}
            assert {tool.annotations.open_world_hint for tool in tools.values()} == {False}
            assert {name for name, tool in tools.items() if tool.annotations.read_only_hint} == {
                *("list_configs", "run_status", "list_techniques", "describe_technique"),
                *("read_notebook", "read_output", "poll_cell"),
            }
            for entry in TOOLS:
                assert tools[entry.spec.name].description == entry.spec.description
                assert tools[entry.spec.name].input_schema == entry.spec.input_schema
            prompt = await guest.client.get_prompt("investigate", {"config": "quokka"})
            assert "start_run" in prompt.messages[0].content.text
            told.append(await guest.says("list_configs"))
            assert "- quokka: A small one." in told[0]
            await before_a_run(guest)
            told.append(await guest.says("start_run", config="quokka", notebook="bees.ipynb"))
            assert "# How to investigate" in told[-1]
            assert "Find what it adores." in told[-1]
            assert "- steps: 12" in told[-1]
            assert told[-1].endswith("Begin.")
            assert any(message.startswith("the organism loads") for message in guest.progress)
            assert "leads run" in await guest.fails("start_run", config="quokka")
            told.extend(await cells(guest))
            claim = {"claim": "It adores the quokka", "evidence": ["c4"]}
            mend = await guest.fails("submit_findings", summary="A quokka.", findings=[claim])
            assert "not accepted yet" in mend
            ended = await guest.says("submit_findings", summary="Nothing sure.", findings=[])
            assert ended.endswith("is finished. The person scores it; there is nothing more to do.")
            assert "has ended; start_run begins another" in await guest.fails("run_cell", code="1")
            told.extend([mend, ended, *guest.progress, await guest.says("run_status")])

    asyncio.run(main())
    journal = journal_of(folder)
    [record] = journal.runs()
    events = journal.events(record.id)
    journal.close()
    assert record.status == "finished"
    assert record.notebook == folder / "nb" / "bees.ipynb"
    assert [event.agent for event in events if isinstance(event, RunStarted)] == ["mcp test-client"]
    assert all(event.cost_usd is None for event in events if isinstance(event, AgentReplied))
    told += [event.model_dump_json() for event in events]
    assert secrets_in(told, folder) == []
    reach = "client: test-client, its own tools not confined"
    for name in ("score", "show"):
        assert json.loads(command(folder, name, "last", "--json").stdout)["client_reach"] == reach
    assert reach in command(folder, "score", "last").stdout
    assert reach in Path(command(folder, "report", "last").stdout.strip()).read_text(encoding="utf-8")


async def before_a_run(guest: Guest) -> None:
    """What a client can do wrong before it has a run."""
    assert "You have no run to go on with; start_run begins one." in await guest.says("run_status")
    for name, arguments in (("run_cell", {"code": "1"}), ("stop_run", {})):
        assert "start_run begins one" in await guest.fails(name, **arguments)
    assert "did you mean `quokka`" in await guest.fails("start_run", config="quoka")
    assert "max_steps" in await guest.fails("start_run", config="quokka", max_steps=0)
    assert "wrong arguments: config" in await guest.fails("start_run")
    assert "there is no run" in await guest.fails("resume_run", run="0123abcd")
    refused = await guest.fails("start_run", config="asking")
    assert refused.endswith("needs JupyterLab's sidebar; choose a config without it, or connect over HTTP")
    with pytest.raises(MCPError, match="there is no tool 'rm'; there are list_configs"):
        await guest.call("rm")


async def cells(guest: Guest) -> list[str]:
    """Cells with text, with an image, and with wrong arguments; returns what the client read."""
    told = [await guest.says("run_cell", code=LOOK)]
    assert told[0].startswith("[c3: ok")
    assert "2 texts from the organism" in told[0]
    shown = await guest.call("run_cell", code=PLOT)
    [image] = [block for block in shown.content if block.type == "image"]
    assert image.mime_type == "image/png"
    assert image.data.startswith("iVBORw0KGgo")
    assert "NameError" in await guest.fails("run_cell", code="nonsense", wait_for_previous=True)
    failed = await guest.call("run_cell", code=LARGE_AND_BROKEN)
    assert failed.content[0].text.startswith("[c6: error")
    assert not failed.is_error, "clients drop the images of an error"
    [large] = [block for block in failed.content if block.type == "image"]
    with Image.open(io.BytesIO(base64.b64decode(large.data))) as scaled:
        assert scaled.size == (1568, 1045)
    assert "[an image that cannot be read]" in text_of(failed)
    noted = await guest.says("list_techniques", wait_for_previous=True)
    assert noted.endswith("[list_techniques takes no wait_for_previous: left out]")
    assert "run_cell was called with wrong arguments: code" in await guest.fails("run_cell", cod="1")
    together = await asyncio.gather(guest.says("add_markdown", text="One."), guest.says("add_markdown", text="Two."))
    assert sorted(together) == ["[c7: added]", "[c8: added]"]
    return [*told, text_of(shown), *together]


@pytest.mark.slow
def test_a_run_that_cannot_begin_says_that_and_nothing_else(folder):
    async def main() -> None:
        notebooks = folder / "nb"
        async with stdio_guest(folder, options=["--all-runs"]) as guest:
            notebooks.mkdir(exist_ok=True)
            (notebooks / "r.ipynb").write_text("<<<<<<< HEAD")
            told = await guest.fails("start_run", config="quokka", notebook="r.ipynb")
            assert told.endswith("r.ipynb holds a merge conflict; resolve it, or choose another notebook.")
            assert "Begin." not in told
            (notebooks / "free_files").write_text("in the way of the kernel's folder")
            told = await guest.fails("start_run", config="quokka", notebook="free.ipynb")
            assert "has not begun (failed: The work folder " in told
            assert told.endswith("Once that is put right, resume_run begins it.")
            assert "Begin." not in told

    asyncio.run(main())
    assert (folder / "nb" / "r.ipynb").read_text() == "<<<<<<< HEAD"


@pytest.mark.slow
def test_a_connection_lost_in_the_middle_of_a_cell_loses_nothing(folder):
    async def first() -> str:
        async with stdio_guest(folder, mode="legacy") as guest:
            run = run_in(await guest.says("start_run", config="quokka", max_steps=2))
            await guest.says("run_cell", code="kept = 41")
            call = await guest.begun(SLOW_ONCE)
        with contextlib.suppress(MCPError):
            await call
        return run

    async def second(run: str) -> None:
        async with stdio_guest(folder) as guest:
            # Another conversation of this client must not be offered it; one that was told the id may go on.
            assert run not in await guest.says("run_status")
            assert f"Run {run} of quokka is interrupted" in await guest.says("run_status", run=run)
            ended = await guest.fails("resume_run", run=run)
            assert "[c4: ok" in ended  # a cell that was cut off is run again
            assert "the budget of 2 steps is used up" in ended
            again = await guest.says("resume_run", run=run, max_steps=6)
            assert "# How to investigate" in again
            assert "done" in again
            assert "[c5: ok" in await guest.says("run_cell", code="kept + 1")
            stopped = await guest.says("stop_run")
            assert "is interrupted (stopped by the user)" in stopped

    run = asyncio.run(first())
    journal = journal_of(folder)
    record = journal.find_run(run)
    assert record.status == "interrupted"
    asyncio.run(second(run))
    events = journal.events(run)
    journal.close()
    finished = [event.status for event in events if isinstance(event, CellFinished) and event.cell_id == "c4"]
    assert finished == ["interrupted", "ok"]
    cells = json.loads(record.notebook.read_text(encoding="utf-8"))["cells"]
    ends = [f"end-{run}", f"end-{run}-2"]
    assert [cell["id"] for cell in cells] == ["intro", "setup", "c3", "c4", ends[0], "c5", ends[1]]


@pytest.mark.slow
def test_a_cancelled_call_interrupts_its_cell_and_the_run_goes_on(folder):
    async def main() -> None:
        async with stdio_guest(folder) as guest:
            await guest.says("start_run", config="quokka")
            call = await guest.begun(SLOW)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            assert "[c4: ok" in await guest.says("run_cell", code="'after'")
            assert "[c3: interrupted]" in await guest.says("read_notebook", cell_ids=["c3"])

    asyncio.run(main())


@pytest.mark.slow
def test_a_start_that_is_cut_off_is_told_with_the_next_answer_and_a_poll_with_the_cell_untouched(folder):
    async def main() -> None:
        async with stdio_guest(folder) as guest:
            start = asyncio.create_task(guest.call("start_run", config="quokka"))
            await guest.heard("the organism loads")
            start.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await start
            noted = await guest.says("note_hypothesis", claim="It adores the quokka", status="open")
            assert noted.startswith("The call that opened your run was cut off.\nRun ")
            assert "# How to investigate" in noted
            assert noted.endswith("noted")
            run = run_in(noted.split("\n")[1])
            code = "import time\nfor n in range(60):\n    print(n, flush=True)\n    time.sleep(0.5)"
            await guest.says("start_cell", code=code)
            poll = asyncio.create_task(guest.call("poll_cell", cell_id="c3", wait_s=600))
            await guest.heard("c3: 1")
            poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await poll
            after = await guest.says("poll_cell", cell_id="c3", wait_s=0)
            assert "[c3: running" in after
            assert "How to investigate" not in after
            assert "interrupted" in (await guest.call("interrupt")).content[0].text
            await guest.says("stop_run")
            again = await guest.says("resume_run", run=run)
            assert "## Hypotheses noted so far\n\n- open: It adores the quokka" in again

    asyncio.run(main())


STARTS = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bare", "version": "1"},
    }},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
     "params": {"name": "start_run", "arguments": {"config": "quokka"}}},
)  # fmt: skip


class Bare:
    """A client without a library: what it writes to the server's input, and reads of its output, a line each."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.stdin, self.stdout = process, process.stdin, process.stdout

    def ask(self, request: dict[str, Any]) -> None:
        self.stdin.write(json.dumps(request) + "\n")
        self.stdin.flush()

    def answer(self, number: int) -> dict[str, Any]:
        while (said := json.loads(self.stdout.readline())).get("id") != number:
            pass
        return said


@contextlib.contextmanager
def bare_client(folder: Path) -> Iterator[tuple[Bare, dict[str, Any]]]:
    """One that has started a run, and the server's answer to that."""
    command = [sys.executable, "-m", "interp_bench_ext", "mcp", "--notebooks", str(folder / "nb")]
    with subprocess.Popen(
        command, env=environment(folder), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        client = Bare(process)
        for request in STARTS:
            client.ask(request)
        yield client, client.answer(2)


def end_of_the_only_run(folder: Path) -> tuple[str, str]:
    journal = journal_of(folder)
    [record] = journal.runs()
    last = journal.events(record.id)[-1]
    journal.close()
    assert isinstance(last, RunEnded)
    return last.status, last.message


@pytest.mark.slow
def test_ended_by_a_signal_it_leaves_a_run_that_can_go_on(folder):
    """As a client does that has lost patience, or a person."""
    with bare_client(folder) as (client, started):
        client.process.send_signal(signal.SIGTERM)
        assert client.process.wait(timeout=60) == 128 + signal.SIGTERM
    assert "# How to investigate" in started["result"]["content"][0]["text"]
    assert end_of_the_only_run(folder) == ("interrupted", "the server was stopped")


@pytest.mark.slow
def test_a_client_that_is_killed_in_the_middle_of_a_cell_was_no_person_who_stopped_it(folder):
    """Its ends of the pipes close while the server tells it how far the cell is."""
    code = "import time\nfor n in range(600):\n    print('begun', n, flush=True)\n    time.sleep(0.1)"
    asked = {"name": "run_cell", "arguments": {"code": code}, "_meta": {"progressToken": "p"}}
    with bare_client(folder) as (client, _):
        client.ask({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": asked})
        while "begun" not in client.stdout.readline():
            pass
        client.stdout.close()
        client.stdin.close()
        client.process.wait(timeout=60)
    assert end_of_the_only_run(folder) == ("interrupted", "the server was stopped")


@pytest.mark.slow
def test_what_is_wrong_on_the_command_line_is_said_in_a_sentence(folder):
    done = command(folder, "mcp", "--configs", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--configs nowhere: there is no such folder" in done.stderr
    (folder / "file").write_text("", encoding="utf-8")
    done = command(folder, "mcp", "--notebooks", "file/notebooks")
    assert done.returncode == 2
    assert "choose another folder" in done.stderr
    led = folder / "data" / "interp_bench" / "configs" / "led.yaml"
    text = (led.parent / "quokka.yaml").read_text(encoding="utf-8")
    led.write_text(text.replace("agent: {", "agent: {provider: mcp, "), encoding="utf-8")
    done = command(folder, "run", "led")
    assert done.returncode == 2
    assert "only a client can start or resume it" in done.stderr
