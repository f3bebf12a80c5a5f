from __future__ import annotations

import copy
from typing import Any

import pytest

from interp_bench_ext.output_filter.charts import check_chart
from interp_bench_ext.output_filter.cleaner import LeftOut
from interp_bench_ext.results.kit.bundles import CHART
from tests.redteam.suite import attempt
from tests.results import samples


def chart() -> dict[str, Any]:
    """A fresh one of our own."""
    return copy.deepcopy(samples.lens_grid().outputs()[0][CHART])


def changed(path: str, value: Any) -> dict[str, Any]:
    payload = chart()
    *way, last = path.split(".")
    part: Any = payload
    for step in way:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    return payload


def test_our_own_passes() -> None:
    check_chart(chart())


@attempt("F2", "browser", "A chart that loads, computes, links or is endless and says that it is ours", veil="any")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.data", {"url": "/files/config.yaml"}),
        ("spec.data", {"sequence": {"start": 0, "stop": 1e9}}),
        ("spec.data", {"values": [{}] * 4001}),
        ("spec.datasets", {"a": [1]}),
        ("spec.usermeta", {"embedOptions": {"sourceHeader": "<script>"}}),
        ("spec.params", [{"name": "x", "expr": "1"}]),
        ("spec.transform", [{"lookup": "x", "from": {"data": {"url": "/lab"}}}]),
        ("spec.layer.0.transform", [{"calculate": "1", "as": "x"}]),
        ("spec.layer.0.mark", {"type": "image", "url": "/lab"}),
        ("spec.layer.0.encoding.href", {"value": "javascript:alert(1)"}),
        ("spec.layer.0.encoding.url", {"field": "label"}),
        ("spec.layer.0.encoding.color.value", "url(#x)"),
        ("spec.layer.0.encoding.color.condition", {"test": "datum.constructor('x')()", "value": "red"}),
        ("spec.layer.0.encoding.x.axis.labelExpr", "['a'][datum.value] + document"),
        ("spec.layer.0.encoding.x.axis.labelExpr", '["a"][datum.value][data(1)]'),
        ("spec.width", 1e9),
        ("spec.width", {"signal": "x"}),
        ("spec.config.view", {"continuousWidth": 1e9}),
        ("spec.config.signals", []),
        ("spec.autosize", "fit"),
        ("version", 2),
        ("more", 1),
    ],
)
def test_whatever_is_not_on_the_list_is_left_out(path: str, value: Any) -> None:
    check_chart(chart())
    with pytest.raises(LeftOut, match="is not what a chart may hold"):
        check_chart(changed(path, value))
