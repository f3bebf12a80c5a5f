from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import more_samples


def test_the_headline_says_whether_it_is_beyond_random_directions():
    result = more_samples.trait_projection()
    assert "+3.1 deviations at layer 5, beyond random directions (±0.9)" in repr(result)
    assert "within random directions" in repr(replace(result, shift=np.zeros(8, np.float32)))
