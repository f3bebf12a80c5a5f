from __future__ import annotations

from interp_bench_ext.organisms.restarts import AT_MOST, Restarts


def test_only_so_many_restarts_are_granted_in_a_row():
    restarts = Restarts()
    assert [restarts.take() for _ in range(AT_MOST + 1)] == [True] * AT_MOST + [False]
    assert Restarts().take()
