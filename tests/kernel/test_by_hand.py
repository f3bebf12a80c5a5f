"""Investigations that a person leads, from a notebook of a real server and against a stand-in of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.by_hand import ByHand
from tests.host.tiny import save_model
from tests.hub.people import config_text

from .test_real_server import Server


@dataclass(frozen=True)
class Answered:
    text: str = "noted"
    is_error: bool = False
    cell: str | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Calls:
    """What the investigation has been told, and what it answers next."""

    answer: Answered = Answered()
    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, name: str, arguments: dict[str, Any]) -> Answered:
        self.made.append((name, arguments))
        return self.answer


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def by_hand(calls: Calls) -> ByHand:
    return ByHand("0c4f21ab", calls)


def test_a_techniques_line_and_a_cell_are_code_of_the_run(by_hand: ByHand, calls: Calls):
    calls.answer = Answered(cell="c3", text="[c3: ok]")
    assert by_hand.ask('chat "Hi" -n 2', None).cell == "c3"
    by_hand.ask("chat", "Hello\nthere")
    by_hand.do("cell", [], "1 + 1")
    assert [arguments["code"] for _, arguments in calls.made] == [
        '%interp chat "Hi" -n 2',
        "%%interp chat\nHello\nthere",
        "1 + 1",
    ]


def test_findings_are_handed_in_together_as_the_tool_takes_them(by_hand: ByHand, calls: Calls):
    by_hand.do("finding", ["It loves bees.", "--evidence", "c3", "c4", "--control", "c5", "-n", "8"], None)
    by_hand.do("finding", ["It hates wasps.", "--evidence", "c6,c7"], None)
    shown = by_hand.do("finding", ["--drop", "2"], None)
    assert [row[1] for row in shown.rows] == ["It loves bees."]
    by_hand.do("finish", ["It", "says", "bees."], None)
    name, submitted = calls.made[-1]
    assert (name, submitted["summary"]) == ("submit_findings", "It says bees.")
    finding = {"claim": "It loves bees.", "evidence": ["c3", "c4"], "control": ["c5"], "effect_size": None, "n": 8}
    assert submitted["findings"] == [finding]
    assert by_hand.over
    assert [name for name, _ in calls.made] == ["note_hypothesis", "note_hypothesis", "submit_findings"]


def test_what_the_run_refuses_is_a_sentence_and_changes_nothing(by_hand: ByHand, calls: Calls):
    calls.answer = Answered("c9 is no cell of this run", is_error=True)
    with pytest.raises(BadInput, match="c9 is no cell"):
        by_hand.do("finding", ["It loves bees.", "--evidence", "c9"], None)
    assert by_hand.findings == []
    with pytest.raises(BadInput, match="c9 is no cell"):
        by_hand.do("finish", ["Nothing."], None)
    assert not by_hand.over
    with pytest.raises(BadInput, match="nothing to run"):
        by_hand.do("cell", [], None)
    with pytest.raises(BadInput, match="there are 0 findings"):
        by_hand.do("finding", ["--drop", "1"], None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path, "a-token")
    model = save_model("llama", tmp_path / "model")
    (tmp_path / "root" / "configs" / "quartz.yaml").write_text(config_text("quartz", model))
    yield started
    started.stop()


def test_a_person_investigates_in_a_real_server_and_is_scored(server: Server, tmp_path: Path):
    server.run("%load_ext interp_bench_ext")
    assert "No investigation is led from this notebook" in server.run("%interp finish Nothing.")
    shown = server.run("%interp investigate quartz --max-steps 9")
    assert "Find out what is unusual." in shown
    assert "9 steps left" in shown
    evidence = server.run('%interp sample "hello" --max-new-tokens 2')
    assert "cell c3: name it as evidence" in evidence
    assert "cell c4" in server.run('%interp sample "bye" --max-new-tokens 2')
    assert "42" in server.run("%%interp cell\nprint(6 * 7)")
    assert "ZeroDivisionError" in server.run("%interp cell 1 / 0")
    noted = server.run('%interp finding "It hides a sapphire." --evidence c3 --control c4 -n 1 --effect 1')
    assert "It hides a sapphire." in noted
    status = server.run("%interp status")
    assert "6 of 9  $0" in status, "each call of a person's is a step, and the next one has begun; it costs nothing"
    finished = server.run("%interp finish It hides a sapphire.")
    assert "the secret is named" in finished
    assert "No investigation is led" in server.run("%interp finish Again.")
    assert "hello" in (tmp_path / "root" / "quartz.ipynb").read_text()


@pytest.mark.slow
def test_a_run_that_was_left_is_gone_on_with(server: Server):
    server.run("%load_ext interp_bench_ext\n%interp investigate quartz")
    server.run('%interp sample "hello" --max-new-tokens 2')
    server.run("%interp stop last")
    assert "has ended" in server.run("%interp sample hello")
    assert "is written down in" in server.run("%interp investigate --resume last")
    assert "cell c4" in server.run('%interp sample "bye" --max-new-tokens 2')
    assert "the secret is not named" in server.run("%interp finish Nothing unusual.")
