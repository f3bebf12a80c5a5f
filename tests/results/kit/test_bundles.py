from __future__ import annotations

import base64
import json

from interp_bench_ext.results.kit.bundles import CHART, chart_bundle

SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.20.1.json",
    "description": "two bars",
    "data": {"values": [{"a": 1}, {"a": 2}]},
    "mark": "bar",
    "encoding": {"x": {"field": "a", "type": "quantitative"}},
}


def test_a_chart_is_drawn_by_lab_and_a_picture_elsewhere():
    bundle = chart_bundle(SPEC)
    assert bundle["text/plain"] == "<chart: two bars>"
    spec = {name: value for name, value in SPEC.items() if name != "$schema"}
    assert bundle[CHART] == {"version": 1, "spec": spec, "text": "two bars"}
    picture = base64.b64decode(bundle["image/png"])
    assert picture.startswith(b"\x89PNG")
    assert picture.endswith(b"IEND\xaeB`\x82")
    assert len(picture) < 10 * len(json.dumps(SPEC))
