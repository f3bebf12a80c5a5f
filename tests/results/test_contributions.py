from __future__ import annotations

import numpy as np
import pytest

from . import more_samples


def test_the_largest_of_either_sign_are_shown_in_the_models_order():
    result = more_samples.contributions()
    shown = result._strongest(5)
    assert shown == sorted(shown)
    assert set(shown) == set(np.argsort(-np.abs(result.values))[:5])
    assert result.table().contribution.sum() == pytest.approx(result.total, abs=1e-4)
