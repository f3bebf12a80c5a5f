from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interp_bench_ext.api import ConfigCard, StartRun
from interp_bench_ext.errors import BadInput
from interp_bench_ext.mcp.clients import Clients
from interp_bench_ext.mcp.verbs import VERBS, Caller, _asked, _card, _obstacles, run_status, summary_line
from interp_bench_ext.record.events import RunEnded, RunPaused, StepStarted
from interp_bench_ext.runs.manager import RunManager

from .recorded import ONE, OTHER, recorded, with_manager


def card(name: str, **fields: Any) -> ConfigCard:
    return ConfigCard(name=name, group="Bundled", file=name, title=name, **fields)


def caller(manager: RunManager, client=ONE) -> Caller:
    clients = Clients(runs=manager, attended=True)
    return Caller(clients=clients, client=client, hearing=lambda lead: asyncio.timeout(None))


def test_every_verb_is_described():
    assert [verb.spec.name for verb in VERBS] == [
        "list_configs", "start_run", "resume_run", "fork_run", "run_status", "stop_run"
    ]  # fmt: skip
    for verb in VERBS:
        for argument in verb.spec.input_schema.get("properties", {}).values():
            assert argument["description"], verb.spec.name


def test_a_config_is_one_line_that_says_nothing_of_its_file():
    told = _card(
        card("fern", description="A small\n model.", techniques=["chat", "sample"], access="base", veil="none")
    )
    assert told == "- fern: A small model. [access base, 2 techniques, veil none]"
    assert _card(card("fern")).startswith("- fern [access")


def test_configs_that_cannot_be_started_stand_together_by_their_reason():
    cards = [card("a", problem="a: no GPU"), card("b"), card("c", problem="c: no GPU"), card("d", problem="no file")]
    assert _obstacles(cards) == [
        "These cannot be started here (no GPU): a, c",
        "These cannot be started here (no file): d",
    ]


def test_a_wrong_choice_is_one_sentence():
    with pytest.raises(BadInput) as caught:
        _asked(StartRun, config="fern", max_steps=0)
    assert str(caught.value).startswith("`max_steps`: ")
    assert "\n" not in str(caught.value)
    assert _asked(StartRun, config="fern").request_id != _asked(StartRun, config="fern").request_id


def test_a_run_in_one_line(tmp_path):
    async def work(manager: RunManager) -> None:
        ended = RunEnded(status="failed", message="no memory")
        run = recorded(manager, tmp_path / "a.ipynb", StepStarted(step=3), ended)
        line = summary_line(manager.summary(run))
        assert line.startswith(f"Run {run} of fern is failed (no memory): steps 3, tokens 0,")
        assert line.endswith("; notebook a.ipynb.")
        paused = manager.summary(recorded(manager, tmp_path / "a.ipynb", RunPaused()))
        assert ", paused by the person: steps 0" in summary_line(paused.model_copy(update={"waiting": "paused"}))

    with_manager(tmp_path, work)


def test_a_client_without_a_run_is_told_what_it_can_go_on_with(tmp_path):
    async def work(manager: RunManager) -> None:
        asking = caller(manager)
        assert "You have no run to go on with" in (await run_status(asking)).content[0]["text"]
        ended = RunEnded(status="interrupted", message="")
        runs = [recorded(manager, tmp_path / f"{number}.ipynb", ended) for number in range(3)]
        finished = recorded(manager, tmp_path / "9.ipynb", RunEnded(status="finished", message=""))
        for run in (*runs[:2], finished):
            asking.clients.own.note(ONE, run)
        told = (await run_status(asking)).content[0]["text"]
        assert told.startswith("You lead no run. resume_run goes on with one of these:\n")
        assert [run in told for run in (*runs, finished)] == [True, True, False, False]
        assert runs[0] not in (await run_status(caller(manager, OTHER))).content[0]["text"]
        assert (await run_status(asking, run=runs[2])).content[0]["text"].startswith(f"Run {runs[2]} of fern")

    with_manager(tmp_path, work)
