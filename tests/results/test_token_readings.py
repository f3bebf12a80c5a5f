from __future__ import annotations

from . import more_samples


def test_rows_of_both_arms_are_drawn_and_each_token_is_a_row_of_the_table():
    result = more_samples.token_readings()
    assert result._shown(2) == [0, 2]
    assert len(result.table()) == 24
    assert "difference, position 0 (norm 8.10):" in str(result)
    assert "steered: light shines over the coast." in str(result)
