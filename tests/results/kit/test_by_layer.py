"""What results over layers have in common."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import more_samples


def test_a_layer_is_one_line_and_what_is_left_out_is_said():
    probes = more_samples.probe_scores()
    many = np.full(50, 0.75, np.float32)
    layers = tuple(range(50))
    long = replace(probes, layers=layers, auroc=many, shuffled=many, shuffled_high=many, best_layer=7)
    lines = str(long).splitlines()
    assert lines[1].split() == ["layer", "AUROC", "shuffled", "highest", "shuffled"]
    assert lines[2].split() == ["0", "0.75", "0.75", "0.75"]
    assert (len(lines), lines[-1]) == (43, "… 10 more layers: all in .table()")


def test_each_curve_has_a_point_a_layer_beside_the_control():
    shown = more_samples.trait_projection()
    rows = shown.plot().to_dict()["data"]["values"]
    assert [row["at"] for row in rows] == [*shown.layers] * 2
    assert [row["value"] for row in rows[: len(shown.layers)]] == [round(float(each), 4) for each in shown.shift]
    assert [row["taught"] for row in rows] == [round(float(each), 4) for each in shown.taught] * 2
