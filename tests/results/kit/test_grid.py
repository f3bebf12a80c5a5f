from __future__ import annotations

from interp_bench_ext.results.kit.grid import html_cell, html_grid, text_heads, text_line


def test_columns_of_text_have_one_width():
    lines = [text_line("layer", 5, text_heads(["a", "x" * 40], [0, 1])), text_line("3", 5, ["p .5", "q"])]
    assert lines[0].index("x") == lines[1].index("q") == 7 + 14
    assert all(len(line) <= 7 + 2 * 14 for line in lines)


def test_labels_and_cells_are_escaped():
    made = html_grid("site", ["<i>"], [("<b>", [html_cell("<u>", "color:#000", title='"')])])
    assert not {"<i>", "<b>", "<u>"} & {made[i : i + 3] for i in range(len(made))}
    assert 'title="&quot;"' in made
