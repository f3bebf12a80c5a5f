from __future__ import annotations

import pytest

from interp_bench_ext.errors import BadInput

from . import more_samples


def test_a_latent_s_direction_is_given_and_both_sides_are_shown():
    result = more_samples.sae_latents()
    assert result.direction(903) == [0, 0, 1, 0, 0, 0, 0, 0]
    with pytest.raises(BadInput, match="Latent 5 is none of those that were found: 4071, 12,"):
        result.direction(5)
    assert "left out of the variance: 14%, control 12%; latents on at a position: 41.5, control 38.0" in str(result)
    assert "    4071     3.200     0.200" in str(result)
    assert list(result.table()["latent"]) == [4071, 12, 903, 15_777, 88, 2_045]
