"""A program as the provider of a run: real processes, a real MCP client, no organism."""

from __future__ import annotations

import asyncio
import json
import re

import psutil
import pytest

from interp_bench_ext.errors import ProviderError
from interp_bench_ext.record.events import AgentDelta, ProgramReported
from tests.programs.standing_in import alive, desk, plan

LOOK = ["run_cell", {"code": "1", "of_its_own": True}]
END = ["submit_findings", {"summary": "", "findings": []}]


def test_its_calls_are_replies_and_its_words_and_counts_are_recorded(stand_in, tmp_path, monkeypatch):
    plan(monkeypatch, calls=[LOOK, END], log=str(tmp_path / "log"), noise=True)

    async def main() -> None:
        async with desk() as run:
            said, call = (await run.reply()).content
            assert (said["type"], call["name"], call["input"]) == ("text", "run_cell", {"code": "1"})
            assert "Call 0." in said["text"]
            run.answer("[c3: ok]")
            reply = await run.reply()
            assert (reply.content[-1]["name"], reply.served_model, reply.cost_usd) == (
                "submit_findings",
                "claude-scripted",
                0,
            )
            run.answer("recorded")
            await run.conclude()
            reports = [event for event in run.events if isinstance(event, ProgramReported)]
            assert [(report.program, report.version) for report in reports[:1]] == [("Claude Code", "2.1.332")]
            assert [report.input_tokens for report in reports] == [0, 100, 200, 300, 300]
            last = reports[-1]
            assert (last.output_tokens, last.cache_read_tokens, last.cost_usd) == (60, 40, 0.25)
            assert reports[-2].cost_usd is None
            assert "That is all." in [event.text for event in run.events if isinstance(event, AgentDelta)]

    asyncio.run(main())
    first, last = (tmp_path / "log").read_text().splitlines()
    assert "[c3: ok]" in first
    assert "run_cell takes no of_its_own: left out" in first
    assert "recorded" in last
    assert "there is nothing more to do" in last


def test_it_is_told_the_run_and_no_secret(stand_in, tmp_path, monkeypatch):
    for name in ("JUPYTER_TOKEN", "MODAL_TOKEN_SECRET", "HF_TOKEN", "JPY_API_TOKEN", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "not-for-it")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org")
    plan(monkeypatch, calls=[END], note=str(tmp_path / "note"))

    async def main() -> str:
        agent = {"model": "opus", "max_cost_usd": 2}
        async with desk(credentials={"ANTHROPIC_API_KEY": "sk-own"}, agent=agent) as run:
            await run.reply()
            return str(run.provider._session._endpoint.token)

    token = asyncio.run(main())
    noted = json.loads((tmp_path / "note").read_text())
    assert noted["told"].startswith("The method.")
    assert noted["told"].rstrip().endswith("Begin.")
    assert token in noted["files"]["mcp.json"]
    assert token not in json.dumps([noted["arguments"], noted["environment"]])
    assert "not-for-it" not in json.dumps(noted)
    environment = noted["environment"]
    assert (environment["ANTHROPIC_API_KEY"], environment["NO_PROXY"]) == ("sk-own", "127.0.0.1")
    arguments = noted["arguments"]
    assert arguments[arguments.index("--model") + 1] == "opus"
    assert arguments[arguments.index("--max-budget-usd") + 1] == "2.0000"
    assert arguments[arguments.index("--tools") + 1] == ""


def test_a_new_session_knows_what_was_noted_before(stand_in, tmp_path, monkeypatch):
    plan(monkeypatch, calls=[END], note=str(tmp_path / "note"))

    async def main() -> None:
        async with desk() as run:
            noted = {"claim": "It adores the quokka.", "status": "open"}
            call = {"type": "tool_use", "id": "t", "name": "note_hypothesis", "input": noted}
            run.messages.append({"role": "assistant", "content": [call]})
            run.answer("noted")
            await run.reply()

    asyncio.run(main())
    told = json.loads((tmp_path / "note").read_text())["told"]
    assert "It was begun before" in told
    assert "- open: It adores the quokka." in told


ENDS = {
    "fails": ({"then": "fail"}, r"^Claude Code failed \(exit status 3\): something broke$"),
    "is not logged in": (
        {"then": "refused", "words": "Not logged in · Please run /login"},
        r"^Claude Code failed \(exit status 1\): Not logged in · Please run /login; to log in, run `claude` once",
    ),
    "never calls submit_findings": (
        {"words": "\x1b[2JI am done."},
        r"^Claude Code ended its session without submitting findings; it said: I am done\.$",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_without_findings_is_one_sentence(stand_in, monkeypatch, end):
    what, sentence = ENDS[end]
    plan(monkeypatch, **what)

    async def main() -> None:
        async with desk() as run:
            with pytest.raises(ProviderError) as raised:
                await run.reply()
            assert re.search(sentence, str(raised.value))

    asyncio.run(main())


@pytest.mark.slow
def test_one_that_hangs_is_given_up_and_ends_with_all_that_it_has_started(stand_in, tmp_path, monkeypatch):
    plan(monkeypatch, calls=[LOOK], then="hang", brood=str(tmp_path / "pid"))

    async def main() -> None:
        async with desk() as run:
            await run.reply()
            run.provider.silence_s = 1.0
            run.answer("[c3: ok]")
            with pytest.raises(ProviderError, match="^Claude Code hangs: it has said nothing and called no tool for"):
                await run.reply()
            assert psutil.pid_exists(int((tmp_path / "pid").read_text()))

    asyncio.run(main())
    assert not alive(int((tmp_path / "pid").read_text()))


def test_the_cell_of_one_that_has_ended_is_interrupted(stand_in, monkeypatch):
    plan(monkeypatch, calls=[LOOK], then="fail")

    async def main() -> None:
        async with desk() as run:
            interrupted = asyncio.Event()

            async def interrupt() -> None:
                interrupted.set()

            run.provider.interrupt = interrupt
            await run.reply()
            psutil.Process(run.provider._session._child._process.pid).kill()
            await asyncio.wait_for(interrupted.wait(), 10)

    asyncio.run(main())
