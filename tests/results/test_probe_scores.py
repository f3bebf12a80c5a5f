from __future__ import annotations

import numpy as np

from interp_bench_ext.results.probe_scores import best

from . import more_samples


def test_the_best_layer_is_named_with_its_control():
    assert "best at layer 16: AUROC 0.97 (shuffled 0.47)" in repr(more_samples.probe_scores())
    assert best((3, 5, 7), np.array([0.5, 0.9, 0.9], np.float32)) == 5
