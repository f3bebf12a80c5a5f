from __future__ import annotations

from . import more_samples


def test_tokens_that_were_left_out_come_before_those_that_are_estimated():
    result = more_samples.token_saliency()
    assert result._strongest(3) == [0, 1, 2]
    assert result._strongest(7)[-1] == 6  # not tried, its estimate stands for it
    assert result._value(6) == result.gradients[6]
