from __future__ import annotations

import pytest

from interp_bench_ext.results.kit.elements import bar, escaped, folded, page, row


def test_what_a_model_wrote_is_never_markup():
    assert escaped('<b>\x1b[31m"x"') == "&lt;b&gt;&quot;x&quot;"
    assert "<script>" not in page("<script>", [])


@pytest.mark.parametrize(("part", "width"), [(0.5, 110), (2.0, 220), (-1.0, 0), (float("nan"), 0)])
def test_a_bar_stays_in_its_box(part: float, width: int):
    assert f'<div style="width:{width}px;height:11px;background-color:rgba(0' in bar(part)


def test_cells_are_aligned_by_letter_and_the_rest_to_the_left():
    assert [cell[:5] for cell in row(["a", "b"], aligns="r").split("text-align:")[1:]] == ["right", "left;"]


def test_a_fold_opens_by_its_label():
    assert folded("Table", "x").endswith("Table</summary>x</details>")
