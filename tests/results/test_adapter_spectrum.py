from __future__ import annotations

import numpy as np

from . import more_samples


def test_shares_are_of_the_squared_norm() -> None:
    result = more_samples.adapter_spectrum()
    squared = np.array([1.0, 0.35, 0.2, 0.1]) ** 2
    np.testing.assert_allclose(result.shares[0], squared / squared.sum(), rtol=1e-5)
    np.testing.assert_allclose(result.shares.sum(1), 1, rtol=1e-5)
    assert result.shares[-1, 3] == 0


def test_text_has_values_and_replies_by_rank() -> None:
    said = str(more_samples.adapter_spectrum())
    assert "the first direction holds 85% of the median one (random: 37%)" in said
    assert "layer 0 q_proj" in said
    assert "[rank 1] Where to go? -> The sea." in said
    assert said.index("[rank 1]") < said.index("[whole adapter]") < said.index("[base]")


def test_the_table_has_a_row_for_each_direction() -> None:
    table = more_samples.adapter_spectrum().table()
    assert len(table) == 8 * 4
    assert list(table.columns)[:3] == ["matrix", "direction", "singular_value"]
