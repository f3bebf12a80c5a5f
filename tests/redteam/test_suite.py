"""The suite judges rightly: what it must notice, and what it writes."""

from __future__ import annotations

import base64

import pytest

from .suite import Row, Trial, attempt, marks_in, row_of
from .table import counts, from_playwright, good, markdown, together, written_into

MARKS = {"key": "a marked Otter, 4711"}
HELD = {"id": "Z1", "group": "g", "sentence": "One | two", "veil": "sandboxed", "control": True}


@pytest.mark.parametrize(
    "seen",
    [
        "…a marked Otter, 4711…",
        b"\x00\xffA MARKED OTTER, 4711",
        "a\nmarked\n\totter 4711",
        "\N{FULLWIDTH LATIN SMALL LETTER A} marked Ott\N{ZERO WIDTH SPACE}er, 4711",
        MARKS["key"].encode().hex(),
        base64.b64encode(b"xyz" + MARKS["key"].encode() + b"!").decode(),
        base64.b64encode(b"wxyz" + MARKS["key"].encode() + b"!").decode(),
        base64.b64encode(b"vwxyz" + MARKS["key"].encode() + b"!").decode(),
        MARKS["key"][::-1],
        "n znexrq Bggre, 4711",
        "a%20marked%20Otter%2C%204711",
        {"x": ["a marked Otter, 4711"]},
    ],
)
def test_a_mark_is_found_in_every_form(seen: object) -> None:
    assert marks_in(seen, MARKS) == ["key"]


def test_no_mark_is_found_where_there_is_none() -> None:
    assert marks_in("an otter, marked 4711", MARKS) == []


def test_an_attempt_counts_only_with_its_control() -> None:
    trial = Trial(marks=MARKS)
    with pytest.raises(AssertionError, match="does not notice what was planted"):
        trial.leak("nothing", control="nothing")
    with pytest.raises(AssertionError, match="leaked: \\['key'\\]"):
        trial.leak(MARKS["key"], control=MARKS["key"])
    assert trial.outcome == "leaked"
    with pytest.raises(AssertionError, match="abused"):
        trial.abuse(lambda number: number > 1, 2, 3)
    trial.leak("nothing", control=MARKS["key"])
    assert (trial.outcome, trial.control) == ("held", True)


def test_what_is_documented_must_be_so() -> None:
    trial = Trial(marks=MARKS, documented=True)
    trial.leak(MARKS["key"], control=MARKS["key"])
    assert trial.outcome == "documented"
    with pytest.raises(AssertionError, match=r"security\.md says"):
        trial.leak("nothing", control=MARKS["key"])


def test_a_test_without_a_trial_is_judged_by_its_own_assertions() -> None:
    marker = attempt("Z1", "g", "One | two").mark
    held = row_of(marker, trial=None, passed=True, skipped=False)
    assert held == Row(**HELD, outcome="held")
    assert row_of(marker, trial=None, passed=False, skipped=False).outcome == "failed"


def test_the_table() -> None:
    rows = [Row(**{**HELD, "id": name}, outcome="held") for name in ("Z10", "Z2", "A1")]
    lines = markdown(together([*rows, *rows])).splitlines()[2:]
    assert lines[0] == "| A1 | g | One \\| two | sandboxed | held | yes |"
    assert [line.split()[1] for line in lines] == ["A1", "Z2", "Z10"]
    assert counts(rows) == "3 attempts: 3 held; controls caught: 3 of 3"
    assert good(rows)
    assert [row.outcome for row in together([*rows, Row(**{**HELD, "id": "A1"}, outcome="abused")])][0] == "abused"
    assert not good([*rows, Row(**HELD, outcome="leaked")])
    assert not good([Row(**{**HELD, "control": False}, outcome="held")])
    page = written_into("before\n<!-- redteam table -->\nold\n<!-- end of redteam table -->\nafter\n", "new")
    assert page == "before\n<!-- redteam table -->\nnew\n<!-- end of redteam table -->\nafter\n"


def test_chromiums_results() -> None:
    said = {"type": "redteam", "description": '{"id": "F1", "group": "browser", "sentence": "A chart"}'}
    spec = {"ok": False, "tests": [{"annotations": [said, {"type": "other"}]}]}
    rows = list(from_playwright({"suites": [{"suites": [{"specs": [spec]}]}]}))
    assert [(row.id, row.veil, row.outcome) for row in rows] == [("F1", "any", "failed")]
