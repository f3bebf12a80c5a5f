"""What results have in common that hold texts of two sides."""

from __future__ import annotations

from interp_bench_ext.results.kit.elements import ACCENT, OTHER
from interp_bench_ext.results.kit.written import first_of_each

from .. import more_samples


def test_texts_have_the_colour_of_their_side():
    ranked = more_samples.ranked_texts()
    colours = {arm: ranked._colour(row) for row, arm in enumerate(ranked.arms)}
    assert colours.pop(ranked.arm) == ACCENT
    assert set(colours.values()) == {OTHER}


def test_every_group_is_shown_as_far_as_there_is_room():
    assert first_of_each([[0, 1, 2], [3], [4, 5]], 6) == [0, 1, 3, 4, 5]
    assert first_of_each([[0], [1], [2]], 2) == [0, 1]
    assert first_of_each([], 5) == []
