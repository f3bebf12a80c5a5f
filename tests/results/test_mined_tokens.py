from __future__ import annotations

from interp_bench_ext.results.mined_tokens import nothing

from . import more_samples


def test_groups_come_first_and_each_token_has_its_control():
    result = more_samples.mined_tokens()
    assert "group 1 (64% of the counts): ␣light  ␣sea  ␣keeper  ␣lamp" in str(result)
    assert result.table().query("token == 'house'").iloc[0][["gained_positions", "group"]].tolist() == [88, 2]


def test_identical_models_say_that_there_is_nothing():
    assert "say the same here" in str(nothing(40, 4, 20))
