from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import more_samples


def test_the_verdict_follows_the_adjusted_p_of_all_words():
    result = more_samples.paired_replies()
    assert result.differs
    assert "2 words beyond chance" in repr(result)
    assert "against itself: smallest adjusted p 0.61" in str(result)
    same = replace(result, p_adjusted=np.ones(5, np.float32), control_p=np.zeros(0, np.float32))
    assert not same.differs
    assert "no difference found" in repr(same)
    assert "against itself" not in str(same)
