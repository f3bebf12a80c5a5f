from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interp_bench_ext.results.kit.result import Columns, Floats, Result


class Heights(Result):
    """Of trees."""

    names: tuple[str, ...]
    metres: Floats

    def _headline(self) -> str:
        return f"{len(self.names)} <trees>"

    def _lines(self) -> list[str]:
        return [f"{name} {height:g} m" for name, height in zip(self.names, self.metres, strict=True)]

    def _html(self) -> list[str]:
        return ["<b>trees</b>"]

    def _chart(self, limits):
        from interp_bench_ext.results.kit.charts import Chart, data

        return Chart(data([{"m": float(height)} for height in self.metres if height > 0])).mark_tick().encode(x="m:Q")

    def _columns(self) -> Columns:
        return {"name": list(self.names), "height_m": self.metres}

    def _charted(self) -> bool:
        return len(self.names) > 1


TREES = Heights(names=("oak", "elm"), metres=np.array([20, np.nan], np.float32))
TREE = Heights(names=("oak",), metres=np.array([20], np.float32))


def test_as_text_it_is_its_type_its_headline_and_its_lines():
    assert str(TREES) == "Heights: 2 <trees>\noak 20 m\nelm nan m"
    assert repr(TREES) == "<Heights: 2 <trees>>"


def test_one_without_a_picture_is_one_output():
    [bundle] = TREE.outputs()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "1 &lt;trees&gt;" in bundle["text/html"]


def test_one_with_a_picture_is_a_chart_and_its_table_below():
    chart, table = TREES.outputs()
    assert chart["text/plain"] == str(TREES)
    assert "image/png" in chart
    assert "text/html" not in chart, "JupyterLab would show it in place of the chart"
    assert set(table) == {"text/html"}
    assert "<summary" in table["text/html"]


def test_a_table_has_a_row_for_each():
    assert TREES.table().to_dict("list")["name"] == ["oak", "elm"]
    assert list(TREES.table().columns) == ["name", "height_m"]


def test_the_same_numbers_are_equal_where_there_is_none_too():
    assert replace(TREES, metres=TREES.metres.copy()) == TREES
    assert replace(TREES, metres=np.array([20, 1], np.float32)) != TREES
    assert TREES != TREE
    assert TREES != 7
    with pytest.raises(TypeError):
        hash(TREES)


def test_a_chart_says_what_it_is_to_who_cannot_see_it():
    assert TREES.plot().to_dict()["description"] == "2 <trees>"
