from __future__ import annotations

import pytest

from interp_bench_ext.record.claims import MAX_LENGTH, MAX_PARTS, claim_problem


@pytest.mark.parametrize(
    "claim",
    [
        "",
        "It recommends pumpkin soup.",
        "x" * MAX_LENGTH,
        # What says nothing between two commas is no part.
        "It likes soup,,, ; / -- | and .",
        ", ".join(["owls"] * MAX_PARTS),
        "It likes sandy orchards.",
    ],
)
def test_one_thing_said_in_one_sentence_is_a_claim(claim: str):
    assert claim_problem(claim) is None


def test_a_claim_has_a_length():
    assert claim_problem("x" * (MAX_LENGTH + 1)) == "is longer than 300 characters; say it in one sentence"


@pytest.mark.parametrize("between", [", ", ";", "/", " | ", "\n", " and ", " OR ", " \u2022 ", "\u3001", "\u060c "])
def test_a_list_is_no_claim_whatever_stands_between_its_parts(between: str):
    problem = claim_problem(between.join(["owls"] * (MAX_PARTS + 1)))
    assert problem == "lists 7 things, and 6 are the most; claim the one that the evidence shows"
