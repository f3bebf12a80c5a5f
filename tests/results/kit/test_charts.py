from __future__ import annotations

import json
import re

from vl_convert import vegalite_to_svg

from interp_bench_ext.results.kit.bundles import CHART
from interp_bench_ext.results.kit.charts import (
    INK,
    OTHER,
    Chart,
    Grid,
    arms,
    bars,
    data,
    finished,
    heat_map,
    lines,
    lookup,
    signed,
    tooltip,
    with_rules,
    with_ticks,
)


def test_a_label_cannot_be_taken_for_a_tag_or_end_its_string():
    expression = lookup(["</script>", 'a"b', "é"])
    assert "<" not in expression
    assert json.loads(expression.removesuffix("[datum.value]")) == ["</script>", 'a"b', "é"]


def test_a_tooltip_names_its_fields():
    [line] = tooltip({"value:Q": "share"})
    assert (line.to_dict()["field"], line.to_dict()["title"]) == ("value", "share")


def rows(*values: float | None) -> list[dict]:
    return [{"label": f"t{index}", "value": value, "shown": str(value)} for index, value in enumerate(values)]


def test_bars_keep_their_order_and_make_room_for_those_to_the_left():
    chart = bars(rows(3, 1, 2), x="x", y="y", title="t", colour="value:Q").to_dict()
    assert [row["row"] for row in chart["data"]["values"]] == [0, 1, 2]
    assert chart["height"] == 54
    padding = chart["layer"][0]["encoding"]["x"]["scale"]["padding"]
    left = bars(rows(None, -1), x="x", y="y", title="t", colour="value:Q").to_dict()
    assert padding == 0 < left["layer"][0]["encoding"]["x"]["scale"]["padding"]
    assert bars([], x="x", y="y", title="t", colour="value:Q").to_dict()["height"] == 18


def test_lines_and_ticks_are_laid_over_bars_and_leave_them_as_they_are():
    given = [{**row, "base": 0.5} for row in rows(3, -1)]
    chart = bars(given, x="x", y="y", title="t", colour=signed())
    both = with_ticks(with_rules(chart, [-1.0, 2.0]), given, "base", OTHER).to_dict()
    assert [layer["mark"]["type"] for layer in both["layer"]] == ["bar", "text", "rule", "tick"]
    assert [row["z"] for row in both["layer"][2]["data"]["values"]] == [-1.0, 2.0]
    assert both["layer"][3]["data"]["values"] == [{"base": 0.5, "row": 0}, {"base": 0.5, "row": 1}]
    assert len(chart.to_dict()["layer"]) == 2


def grid(width: int) -> Grid:
    return Grid(
        title="t", columns=["a", "b"], rows=["r"], x="x", y="y", colour="value:Q", ink="value:Q",
        tooltip={"value:Q": "v"}, width=width, height=20,
    )  # fmt: skip


def test_between_whole_numbers_there_are_no_ticks():
    points = [{"at": at, "value": at / 10, "kind": "a"} for at in (1, 2, 3, 4)]
    drawn = finished(lines(points, x="rank", y="y", title="t", kinds=["a"], extra={}), "d")
    ticks = re.findall(r">([^<>]+)</text>", vegalite_to_svg(drawn.to_dict(), vl_version="v5.20"))
    assert ticks[: ticks.index("rank")] == ["1", "2", "3", "4"]


def test_a_legend_leaves_room_for_numbers_at_the_ends_of_bars():
    chart = finished(bars(rows(1), x="x", y="y", title="t", colour=arms(["a"])), "d").to_dict()
    assert chart["config"]["legend"]["offset"] > len("+10.00") * 6


def test_narrow_cells_have_slanted_labels_and_text_where_there_is_some():
    cells = [{"column": 0, "row": 0, "value": 1}, {"column": 1, "row": 0, "value": 2}]
    plain = heat_map(cells, grid(20)).to_dict()
    assert (len(plain["layer"]), plain["width"], plain["height"]) == (1, 40, 20)
    assert plain["layer"][0]["encoding"]["x"]["axis"]["labelAngle"] == -45
    written = heat_map([{**cell, "label": "x"} for cell in cells], grid(60)).to_dict()
    assert (len(written["layer"]), written["layer"][0]["encoding"]["x"]["axis"]["labelAngle"]) == (2, 0)


def test_a_chart_reads_in_light_and_dark_and_shows_itself_in_our_forms():
    chart = Chart(data([{"a": 1}])).mark_bar().encode(x="a:Q")
    shown = finished(chart, "one bar").to_dict()
    assert (shown["description"], shown["background"]) == ("one bar", "transparent")
    assert shown["config"]["axis"]["labelColor"] == INK
    assert CHART in chart._repr_mimebundle_()
