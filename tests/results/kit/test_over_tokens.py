"""What results over the tokens of one text have in common."""

from __future__ import annotations

import numpy as np

from interp_bench_ext.results import AttentionGrid, EffectGrid


def grid(*tokens: str, first: int = 0) -> EffectGrid:
    positions = tuple(range(first, first + len(tokens)))
    effects = np.zeros((1, len(tokens)), np.float32)
    return EffectGrid(tokens=tokens, positions=positions, sites=("L0",), effects=effects, metric="m", arm="organism")


def test_a_token_is_named_with_its_position_in_the_text():
    assert grid(" a", "b", first=7)._place(1) == "b (position 8)"
    assert grid(" a", first=7)._place(0) == "␣a (position 7)"


def test_there_is_a_picture_where_there_are_tokens():
    assert len(grid("a").outputs()) == 2
    assert len(grid().outputs()) == 1
    none = AttentionGrid(tokens=(), heads=(), weights=np.zeros((0, 0, 0), np.float32), arm="organism")
    assert len(none.outputs()) == 1
