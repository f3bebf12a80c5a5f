from __future__ import annotations

import json

import numpy as np
import pytest

from interp_bench_ext.results import LensGrid
from interp_bench_ext.results.kit.bundles import CHART
from interp_bench_ext.results.kit.safe_text import token_label

from . import samples


def test_the_text_says_where_the_target_comes_first():
    lens = str(samples.lens_grid())
    assert "rank 1 from layer" in lens
    assert "more cells: all in .table()" in lens


def test_a_row_of_the_table_is_a_layer_a_token_and_a_place():
    grid = samples.lens_grid()
    table = grid.table()
    first = table[(table.layer == 30) & (table.position == 4) & (table.place == 1)].iloc[0]
    assert (first.token, first.top_token) == (" is", grid.top_tokens[30][4][0])
    assert first.p == pytest.approx(float(grid.top_probs[30, 4, 0]))


def test_hovering_a_lens_cell_says_what_is_in_it():
    spec = samples.lens_grid().outputs()[0][CHART]["spec"]
    (cell,) = [row for row in _rows(spec) if row["layer"] == "30" and row["read"].startswith("␣is")]
    grid = samples.lens_grid()
    assert cell["best"].startswith(f"{token_label(grid.top_tokens[30][4][0])} {grid.top_probs[30, 4, 0]:.3f}, ")
    assert cell["read"] == "␣is (position 4)"
    titles = {tip["title"] for tip in spec["layer"][0]["encoding"]["tooltip"]}
    assert titles == {
        "token that was read", "layer", "most likely, p", "KL to final, nats", "p of ␣Paris", "rank of ␣Paris",
    }  # fmt: skip


def test_the_cells_that_say_the_target_are_outlined():
    spec = samples.lens_grid().outputs()[0][CHART]["spec"]
    hits = [row for row in _rows(spec) if row.get("hit")]
    assert hits
    assert all(row["label"] == "␣Paris" for row in hits)
    assert spec["layer"][0]["encoding"]["stroke"]["condition"]["test"] == "datum.hit"


def _rows(spec: dict) -> list[dict]:
    return spec["data"]["values"] if "values" in spec.get("data", {}) else next(iter(spec["datasets"].values()))


def test_a_large_lens_stays_a_small_output():
    tokens = tuple(f" token{i}" for i in range(256))
    grid = samples.lens_grid(n_layers=81, tokens=tokens, k=5)
    bundles = grid.outputs()
    assert len(bundles[0]["text/plain"]) < 5_000
    assert len(json.dumps(bundles)) < 250_000
    assert len(grid.table()) == 81 * 256 * 5
    assert len(json.dumps(grid.plot().to_dict())) < 700_000


def test_a_target_that_loses_its_place_at_the_end_is_not_called_first():
    grid = samples.lens_grid(n_layers=4)
    ranks = np.array([[9], [1], [1], [3]], dtype=np.int64) * np.ones((1, 5), np.int64)
    assert "best rank 1 at layer 1" in str(LensGrid(**{**grid.__dict__, "target_ranks": ranks}))


def test_the_target_is_never_cut():
    lens = samples.lens_grid()
    named = {**lens.__dict__, "target": " lighthouses everywhere"}
    named["top_tokens"] = ((tuple([" lighthouses everywhere"] * 3),) * 5,) * 31
    wide = LensGrid(**named)
    assert "␣lighthouses␣everywhere" in "".join(wide._html())
    spec = wide.plot().to_dict()
    assert spec["width"] > samples.lens_grid().plot().to_dict()["width"]
    assert "␣lighthouses␣everywhere" in json.dumps(spec, ensure_ascii=False)
