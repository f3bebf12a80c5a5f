from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from interp_bench_ext.output_filter.bundles import BundleFilter, metadata
from interp_bench_ext.output_filter.cleaner import Cleaner
from interp_bench_ext.results.kit.bundles import CHART
from tests.results import samples

VEGALITE = "application/vnd.vegalite.v5+json"
SPEC = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}


def picture(kind: str = "PNG", size: tuple[int, int] = (2, 2)) -> str:
    buffer = io.BytesIO()
    Image.new("1" if kind == "PNG" else "L", size).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="module")
def bundles() -> Iterator[BundleFilter]:
    with Cleaner() as cleaner:
        yield BundleFilter(cleaner)


def shown(bundles: BundleFilter, data: dict[str, Any]) -> dict[str, Any]:
    return bundles.data(json.dumps(data).encode())


def test_what_our_results_show_passes_as_it_is(bundles: BundleFilter) -> None:
    for result in samples.all_samples():
        for bundle in result.outputs():
            assert shown(bundles, bundle) == bundle


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_pictures(bundles: BundleFilter, kind: str) -> None:
    mime = f"image/{kind.lower()}"
    assert shown(bundles, {mime: picture(kind)}) == {mime: picture(kind)}
    assert "no such picture" in shown(bundles, {mime: picture("TIFF")})["text/plain"]
    assert "no such picture" in shown(bundles, {mime: "<script>"})["text/plain"]


def test_a_picture_of_too_many_pixels_is_left_out(bundles: BundleFilter) -> None:
    assert list(shown(bundles, {"image/png": picture(size=(30_000, 30_000))})) == ["text/plain"]


@pytest.mark.parametrize(
    "mime",
    [
        "application/javascript", "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json",
        "application/vdom.v1+json", "application/geo+json", "application/pdf", "text/vnd.mermaid", "video/mp4",
        "image/svg+xml", "application/vnd.vega.v5+json", "text/html;x",
    ],
)  # fmt: skip
def test_what_a_browser_would_run_fetch_or_draw_in_its_own_way_becomes_a_line(bundles: BundleFilter, mime: str) -> None:
    found = shown(bundles, {mime: "x", "text/plain": "shown"})
    assert list(found) == ["text/plain"]
    assert found["text/plain"].startswith(f"shown\n[… {mime} left out: ")


def test_a_chart_of_the_agent_s_becomes_its_picture(bundles: BundleFilter) -> None:
    assert shown(bundles, {VEGALITE: {"data": {"url": "/lab"}}, "image/png": picture()}) == {"image/png": picture()}
    drawn = shown(bundles, {VEGALITE: SPEC})
    assert list(drawn) == ["image/png"]
    assert base64.b64decode(drawn["image/png"]).startswith(b"\x89PNG")


def test_an_svg_becomes_a_picture_where_there_is_none(bundles: BundleFilter) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>'
    assert list(shown(bundles, {"image/svg+xml": svg, "text/plain": "shown"})) == ["text/plain", "image/png"]
    assert shown(bundles, {"image/svg+xml": svg, "image/png": picture()}) == {"image/png": picture()}


def test_a_chart_that_only_says_that_it_is_ours_is_left_out(bundles: BundleFilter) -> None:
    payload = {"version": 1, "text": "", "spec": {**SPEC, "data": {"url": "/lab"}}}
    found = shown(bundles, {CHART: payload, "image/png": picture()})
    assert list(found) == ["text/plain", "image/png"]
    assert "is not what a chart may hold" in found["text/plain"]


def test_what_is_too_large_or_too_deep_costs_itself_only(bundles: BundleFilter) -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    for form in ([[]] * 60_000, "x" * 2_000_000):
        found = shown(bundles, {"application/json": form, "text/plain": "shown"})
        assert found["text/plain"].startswith("shown\n[… application/json left out: ")
    raw = b'{"text/plain": "shown", "application/json": ' + b"[" * 3000 + b"]" * 3000 + b"}"
    assert bundles.data(raw)["text/plain"].startswith("[… an output of 6.0 kB left out: ")


def test_metadata_says_how_large_a_picture_is_and_nothing_else() -> None:
    said = {
        "image/png": {"width": 3, "height": None, "onload": "x"},
        "interp_bench": {"progress": {"done": 1, "what": "x"}, "trusted": True},
        "trusted": True,
        "text/html": {"isolated": True},
    }
    assert metadata(json.dumps(said).encode()) == {
        "image/png": {"width": 3, "height": None},
        "interp_bench": {"progress": {"done": 1, "what": "x"}},
    }
    assert metadata(b'{"x": ' + b"[" * 30_000) == {}
