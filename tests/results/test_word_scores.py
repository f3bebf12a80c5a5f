from __future__ import annotations

import re

import pytest

from . import samples


def test_a_word_stands_with_its_shares():
    text = str(samples.word_scores())
    assert re.search(r"galaxy +7\.20 +\+4\.32  38/40 \(95 %\) +0/40 \(0 %\)", text)


def test_both_ends_are_shown():
    text = str(samples.word_scores(40))
    assert "galaxy" in text
    assert "word39" in text
    assert "word25" not in text
    assert "14 more words" in text


def test_what_stands_out_is_in_full_colour_and_nothing_crosses_the_numbers():
    scores = samples.word_scores()
    bars, numbers = scores.plot().to_dict()["layer"]
    strength = bars["encoding"]["opacity"]
    edge = float(strength["condition"]["test"].removeprefix("abs(datum.value) >= "))
    assert edge == pytest.approx(float(scores.chance_z), rel=1e-3)
    assert strength["value"] < 1
    assert numbers["mark"]["type"] == "text"


def test_shares_are_counts_over_all_texts():
    scores = samples.word_scores(3)
    table = scores.table()
    assert table.share_with.tolist() == [38 / 40, 37 / 40, 36 / 40]
    assert table.other_share_with.tolist() == [0, 1 / 40, 2 / 40]
