from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from interp_bench_ext.cli.sweep_progress import Board


class Cell:
    def __str__(self) -> str:
        return "fern [x], seed 3"


def ended(**fields: Any) -> Any:
    return SimpleNamespace(**{"cell": Cell(), "outcome": None, "problem": "", "kept": False, **fields})


OUTCOME = SimpleNamespace(record=SimpleNamespace(status="finished"), verdict="the secret is named")


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (ended(problem="it could not be loaded"), "fern [x], seed 3: it could not be loaded"),
        (ended(outcome=OUTCOME), "fern [x], seed 3: finished  the secret is named"),
        (ended(outcome=OUTCOME, kept=True), "fern [x], seed 3 (before): finished  the secret is named"),
    ],
)
def test_each_cell_says_what_it_came_to(capsys: pytest.CaptureFixture[str], result: Any, line: str):
    with Board(2) as board:
        board.ended(result)
    assert capsys.readouterr().err == f"{line}\n"


def test_a_quiet_one_says_nothing(capsys: pytest.CaptureFixture[str]):
    with Board(1, quiet=True) as board:
        board.ended(ended(outcome=OUTCOME))
    assert capsys.readouterr() == ("", "")
