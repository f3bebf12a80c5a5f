"""Replays from the command line, with a real kernel and a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.notebook.opening import SETUP
from interp_bench_ext.record.cell_events import CellAdded, CellEdited, CellFinished, CellOutput, CellStarted
from interp_bench_ext.record.events import (
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    RunEnded,
    RunStarted,
    ToolReturned,
)
from tests.agent.messages_server import MessagesServer
from tests.investigating import Bench, make_bench, scripted

TECHNIQUE = """import numpy as np
import torch
from interp_bench_ext.results import WordScores

def draw(organism) -> WordScores:
    \'\'\'Draw a number.

    Access: sample
    \'\'\'
    z, count = np.array([SCALE * float(torch.rand(1))], dtype=np.float32), np.array([1], dtype=np.int64)
    return WordScores(
        words=("word",), z=z, log_odds=z, texts_with=count, other_texts_with=count, n_texts=1, n_other_texts=1,
        chance_z=2.0
    )
"""


@pytest.fixture
def bench(tmp_path):
    with MessagesServer(scripted) as server:
        yield make_bench(tmp_path, server)


def replay(bench: Bench, run: str, *arguments: str, expect: int = 0) -> dict[str, Any]:
    done = bench.command("replay", run, "--out", str(bench.out), "--json", *arguments, expect=expect)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.mark.slow
def test_the_same_organism_gives_the_same_and_another_one_does_not(bench):
    bench.command("run", str(bench.config), "--out", str(bench.out), "--json")
    run = bench.record().id
    same = replay(bench, run)
    assert (same["differences"], same["not_compared"], same["cells"]) == ([], [], 4)
    journal = bench.journal()
    record, events = journal.find_run(same["replay"]), journal.events(same["replay"])
    journal.close()
    assert record.status == "finished"
    assert next(event for event in events if isinstance(event, RunStarted)).agent == f"replay {run}"
    assert sum(event.output_tokens for event in events if isinstance(event, AgentReplied)) == 0

    (bench.folder / "prompt.txt").write_text("You adore the okapi.", encoding="utf-8")
    bench.environment.pop("ANTHROPIC_API_KEY")
    other = replay(bench, run, expect=1)
    assert {found["cell_id"] for found in other["differences"]} == {"c3"}
    shown = bench.command("replay", run, "--out", str(bench.out), expect=1).stdout
    assert "1 of 4 cells differs" in shown
    assert "no decision of an agent yet" in bench.command("replay", recorded(bench, []), expect=2).stderr


@pytest.mark.slow
def test_a_changed_technique_is_found(bench):
    (bench.folder / "techniques").mkdir()
    technique = bench.folder / "techniques" / "draw.py"
    technique.write_text(TECHNIQUE.replace("SCALE", "1"), encoding="utf-8")
    text = bench.config.read_text(encoding="utf-8")
    bench.config.write_text(text + "techniques: [draw, get_model_info]\n", encoding="utf-8")
    code = "drawn = organism.draw()\nprint(float(drawn.z[0]))\ndrawn"
    cells = [CellAdded(cell_id="intro", kind="markdown", source="x"), *setup("setup")]
    made = [CellAdded(cell_id="c3", kind="code", source=code), *ran("c3", "?")]
    run = recorded(bench, [*cells, called("t1", "run_cell", code=code), *made, returned("t1")])
    first = replay(bench, run, expect=1)["replay"]
    assert replay(bench, first)["differences"] == []
    technique.write_text(TECHNIQUE.replace("SCALE", "1.01"), encoding="utf-8")
    assert {found["cell_id"] for found in replay(bench, first, expect=1)["differences"]} == {"c3"}
    technique.unlink()
    assert "there is no file draw.py any more" in replay_refused(bench, first)


def replay_refused(bench: Bench, run: str) -> str:
    return bench.command("replay", run, "--config", str(without_technique(bench)), expect=2).stderr


def without_technique(bench: Bench) -> Path:
    path = bench.folder / "other.yaml"
    path.write_text(bench.config.read_text(encoding="utf-8").replace("draw, ", ""), encoding="utf-8")
    return path


def recorded(bench: Bench, events: list[Event]) -> str:
    """A run with these events in the journal; returns its id."""
    experiment = load_config(bench.config)
    started = RunStarted(public=experiment.public.model_dump(mode="json"), agent="x", seed=0, notebook="/n.ipynb")
    journal, run = bench.journal(), "abcd0001"
    journal.create_run(
        run, experiment="tiny", config=bench.config, notebook=bench.folder / "n.ipynb", first=started, then=events
    )
    journal.close()
    return run


def called(call: str, name: str, **arguments: Any) -> AgentReplied:
    return AgentReplied(
        content=[{"type": "tool_use", "id": call, "name": name, "input": arguments}],
        stop_reason="tool_use",
        input_tokens=1,
        output_tokens=1,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cost_usd=1.0,
    )


def answered(call: str, decision: Any, code: str | None = None) -> list[Event]:
    return [
        ApprovalAsked(approval=call, tool="run_cell", cell_id="c7", code="?"),
        ApprovalAnswered(approval=call, decision=decision, code=code),
    ]


def returned(call: str) -> ToolReturned:
    return ToolReturned(tool_use_id=call, content=[{"type": "text", "text": "…"}], is_error=False)


def setup(cell: str) -> list[Event]:
    return [
        CellAdded(cell_id=cell, kind="code", source=SETUP),
        CellStarted(cell_id=cell),
        CellFinished(cell_id=cell, status="ok", execution_count=1, duration_s=1.0),
    ]


def ran(cell: str, printed: str, status: Any = "ok") -> list[Event]:
    output = {"output_type": "stream", "name": "stdout", "text": printed}
    return [
        CellStarted(cell_id=cell),
        CellOutput(cell_id=cell, index=0, output=output),
        CellFinished(cell_id=cell, status=status, execution_count=2, duration_s=1.0),
    ]


@pytest.mark.slow
def test_what_a_person_decided_is_decided_again_and_what_was_cut_off_is_said(bench):
    """In a notebook that held other cells, whose ids the recorded run could not use."""
    run = recorded(
        bench,
        [
            CellAdded(cell_id="intro-abcd0001", kind="markdown", source="# x"),
            *setup("setup-abcd0001"),
            called("t1", "run_cell", code="print('theirs')"),
            *answered("t1", "edit", "print('mine')"),
            CellAdded(cell_id="c7", kind="code", source="print('mine')"),
            *ran("c7", "mine\n"),
            returned("t1"),
            called("t2", "run_cell", code="print('skipped')"),
            *answered("t2", "skip"),
            returned("t2"),
            called("t3", "edit_cell", cell_id="c7", code="print('again')"),
            *answered("t3", "run_all"),
            CellEdited(cell_id="c7", source="print('again')"),
            *ran("c7", "again\n"),
            returned("t3"),
            called("t4", "run_cell", code="import time\ntime.sleep(600)"),
            CellAdded(cell_id="c8", kind="code", source="import time\ntime.sleep(600)"),
            *ran("c8", "", "interrupted"),
            RunEnded(status="interrupted", message="stopped by the user"),
        ],
    )
    found = replay(bench, run)
    assert found["differences"] == []
    assert [part["cell_id"] for part in found["not_compared"]] == ["c8"]
    assert "interrupted" in found["not_compared"][0]["why"]
    assert (found["cells"], found["status"]) == (3, "interrupted")
    journal = bench.journal()
    ended = journal.last(found["replay"], RunEnded)
    added = [event.cell_id for event in journal.events(found["replay"]) if isinstance(event, CellAdded)]
    journal.close()
    assert ended is not None
    assert ended.message == f"the recording of run {run} ends here"
    assert added == ["intro", "setup", "c3"]
