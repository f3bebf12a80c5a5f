from __future__ import annotations

import numpy as np
import pytest

from interp_bench_ext.results import EffectGrid

from . import samples


def test_the_largest_effects_come_first_then_each_site():
    text = str(samples.effect_grid())
    assert "largest: L23 resid at ␣is +2.400" in text
    assert "L8 resid  -1.100" in text


def test_the_page_shows_through_where_there_is_no_effect():
    spec = samples.effect_grid().plot().to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    assert colours[0].endswith("00")
    assert list(colours) == pytest.approx([-2.4, 0, 2.4])


def test_a_row_of_the_table_is_a_site_and_a_token():
    effects = samples.effect_grid().table().query("site == 'L8 resid' and token == 'The'")
    assert effects.effect.tolist() == pytest.approx([-1.1])


def test_the_strongest_sites_are_kept_in_their_order():
    effects = np.zeros((60, 1), np.float32)
    effects[[50, 3, 20]] = [[1.0], [-2.0], [0.5]]
    grid = EffectGrid(
        tokens=("a",), positions=(0,), sites=tuple(f"s{i:02}" for i in range(60)), effects=effects, metric="m", arm="a"
    )
    shown = str(grid)
    assert shown.index("s03  -2") < shown.index("s20  +0.5") < shown.index("s50  +1")
