from __future__ import annotations

from interp_bench_ext.results.kit.selection import evenly


def test_a_sample_of_layers_keeps_equal_gaps_to_the_last():
    assert evenly(range(31), 16) == list(range(0, 31, 2))
    assert evenly(range(30), 16) == [0, *range(1, 30, 2)]
    assert evenly(range(5), 16) == [0, 1, 2, 3, 4]
    for n in range(1, 90):
        picked = evenly(range(n), 16)
        assert len(picked) <= 16
        assert (picked[0], picked[-1]) == (0, n - 1)
