from __future__ import annotations

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Edit, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.edits import Entry, Stage, checked_value, from_the_front

SITE = Site(0, "resid_post")


def test_positions_find_their_values() -> None:
    columns = np.array([-1, 0, 1, 2, 3, 4])
    assert Entry(0, None, 5, each=False).index(columns).tolist() == [-1, 5, 5, 5, 5, 5]
    assert Entry(0, (1, 3), 2, each=True).index(columns).tolist() == [-1, -1, 2, -1, 3, -1]
    assert Entry(0, range(1, 9, 2), 4, each=True).index(columns).tolist() == [-1, -1, 4, -1, 5, -1]
    assert from_the_front((-1, 0), 7) == (6, 0)


def test_a_value_fits_the_site_or_each_position() -> None:
    assert checked_value(Edit(SITE, None, "add", 2.0), (4,)).shape == (1, 4)
    assert checked_value(Edit(SITE, (1, 2), "set", torch.ones(2, 4)), (4,)).shape == (2, 4)
    with pytest.raises(BadInput, match=r"of shape \[3\], and \[4\] fits"):
        checked_value(Edit(SITE, None, "add", torch.ones(3)), (4,))
    with pytest.raises(BadInput, match="not finite"):
        checked_value(Edit(SITE, None, "add", float("nan")), (4,))


def test_fixed_tables_do_what_the_rows_edits_would_step_by_step() -> None:
    stage = Stage("add", None)
    stage.add(0, Edit(SITE, (4,), "add", torch.tensor([1.0, 2.0])), (2,), 3)
    stage.add(2, Edit(SITE, None, "add", 10.0), (2,), 3)
    step = torch.zeros(1, dtype=torch.long)
    fixed = stage.fixed(4, 8, step)
    columns = np.array([3, 3, 5])[:, None] + np.arange(3)
    fixed.become(stage, columns)
    found = torch.zeros(4, 1, 2)
    for number in range(3):
        step.fill_(number)
        one = stage.applied(found[:3], columns[:, number : number + 1])
        assert torch.equal(fixed.applied(found, columns)[:3], one)
        assert not fixed.applied(found, columns)[3].any()
