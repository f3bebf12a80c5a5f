"""What results have in common that tell two sets of texts apart by words."""

from __future__ import annotations

import re

from interp_bench_ext.results.kit.elements import ACCENT, OTHER

from .. import more_samples, samples


def test_the_longest_bar_is_that_of_the_largest_z_and_its_colour_is_the_sign():
    scores = samples.word_scores(3)
    table = scores._word_rows([0, 1, 2], ("a", "b", "c"), ["", "", ""])
    widths = [int(width) for width in re.findall(r"width:(\d+)px;height:11px;background-color:rgba\(\d+,", table)][1::2]
    assert widths == [round(160 * float(abs(z) / scores.z.max())) for z in scores.z]
    negative = scores._word_row(0, 20.0, "")
    assert ACCENT.format("0.85") in negative
    assert OTHER.format("0.85") in type(scores)(**{**vars(scores), "z": -scores.z})._word_row(0, 20.0, "")


def test_a_bar_of_the_chart_says_its_shares():
    replies = more_samples.paired_replies()
    bar = replies._word_bars([0])[0]
    assert (bar["label"], bar["value"]) == (replies.words[0], round(float(replies.z[0]), 4))
    assert (bar["mine"], bar["other"]) == replies._shares(0)
