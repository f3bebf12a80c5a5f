from __future__ import annotations

import pytest

from interp_bench_ext.record.events import (
    Finding,
    FindingsRefused,
    FindingsSubmitted,
    RunEnded,
    Scored,
)
from interp_bench_ext.report import render_report
from tests.redteam.suite import attempt

from . import sample_run
from .reading import Page, page_with
from .sample_run import Recorder, display, stream, text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://example.org/spy.png'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>body{display:none}</style>",
    "<form action='https://example.org'><input name=a></form>",
    "<div style='position:fixed;inset:0;background:url(https://example.org)'>x</div>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href='https://example.org'>",
    "<object data='x'></object><embed src=x>",
    "</pre></article></main><script>alert(1)</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><script>alert(1)</script>'>",
    "<div class='finding' id='cell-1' onclick=alert(1)>x</div>",
    "<!--><script>alert(1)</script>-->",
]


@attempt("G1", "report", "Scripts, SVG and other live things in what a report shows", veil="any")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_hostile_survives_anywhere(hostile: str):
    run = Recorder()
    run.begin(name=hostile)
    run.step(1, text(hostile), {"type": "thinking", "thinking": hostile, "signature": ""})
    run.prose("m1", hostile)
    run.cell(
        "c1", hostile, stream(hostile), display(data={"text/html": hostile}),
        display(data={"text/markdown": hostile}), display(data={"image/png": hostile, "text/plain": hostile}),
        display(data={"text/plain": hostile}), display(data={"text/latex": hostile}),
        {"output_type": "error", "ename": hostile, "evalue": hostile, "traceback": [hostile]},
    )  # fmt: skip
    finding = Finding(claim=hostile, evidence=["c1", hostile], control=[hostile])
    problems = [hostile, f"Finding 1: {hostile}"]
    run.add(FindingsRefused(problems=problems))
    run.add(
        FindingsSubmitted(findings=[finding], summary=hostile, problems=problems),
        RunEnded(status="failed", message=hostile),
    )
    run.add(Scored(score=sample_run.NAMED.model_copy(update={"claim": hostile, "grader": hostile})))
    page = Page(render_report(events=run.rows, title=hostile))
    forbidden = {"script", "iframe", "object", "embed", "form", "input", "base", "svg", "math", "noscript", "link"}
    assert forbidden.isdisjoint(tag for tag, _ in page.elements)
    assert len(page.all("style")) == 1
    assert len(page.all("meta")) == 4
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src"):
            target = attributes.get(name) or ""
            assert target.startswith(("#", "data:image/", "https://")) or not target
            assert name == "href" or not target.startswith("https://")
        style = attributes.get("style") or ""
        assert "position" not in style
        assert "url" not in style
    assert [a["id"] for _, a in page.elements if a.get("id")] == ["cell-1", "cell-2"]


def test_html_keeps_its_shape_and_colours():
    page = page_with(display(data={"text/html": sample_run._TABLE}))
    assert len(page.all("td")) == 9
    assert sum("text-align:right" in (cell.get("style") or "") for cell in page.all("td")) == 6


def test_a_picture_comes_with_its_table_folded():
    page = page_with(display(data={"image/png": sample_run.chart(), "text/html": "<b>rows</b>", "text/plain": "p"}))
    assert page.all("img")[0]["alt"] == "p"
    assert {"class": "as-table"} in page.all("details")


def test_an_svg_is_text():
    page = page_with(display(data={"image/svg+xml": "<svg><script>alert(1)</script></svg>"}))
    assert "<svg>" in page.text
    assert not page.all("img")


@attempt("G3", "report", "A chart that loads from elsewhere as the report draws it", veil="any")
def test_a_chart_without_a_picture_is_drawn_but_loads_nothing():
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.20.1.json",
        "data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }  # fmt: skip
    kind = "application/vnd.vegalite.v5+json"
    assert len(page_with(display(data={kind: spec, "text/plain": "chart"})).all("img")) == 1
    local = {**spec, "data": {"url": "file:///etc/passwd", "format": {"type": "csv"}}}
    page = page_with(display(data={kind: local, "text/plain": "chart"}))
    assert "root" not in page.text


def test_streams_are_joined_and_carriage_returns_folded():
    page = page_with(stream("10 %\r20 %\r"), stream("100 %\ndone\n"), stream("careful", "stderr"))
    assert "100 %\ndone" in page.text
    assert "20 %" not in page.text
    kinds = [pre.get("class") for pre in page.all("pre")]
    assert kinds == ["source", "stdout", "stderr"]


def test_very_long_text_is_cut():
    assert "more characters" in page_with(stream("a" * 300_000)).text


def test_source_is_highlighted_and_magics_are_understood():
    page = page_with(source="%interp prefill\nx = 'a' # why <b>")
    assert "# why <b>" in page.text
    assert any("c1" in (span.get("class") or "") for span in page.all("span"))


@pytest.mark.slow
@attempt("G6", "report", "Outputs and prose that cannot be drawn or cleaned in bounded time", veil="any")
def test_what_cannot_be_shown_costs_itself_and_many_such_things_not_the_page():
    endless = {"mark": "point", "data": {"sequence": {"start": 0, "stop": 1e9}}}
    kind = "application/vnd.vegalite.v5+json"
    hostile = [display(data={kind: endless}), display(data={"text/html": "<div>" * 40_000})]
    page = page_with(*hostile, *[hostile[1]] * 6, display(data={"text/html": "<b>after</b>", "text/plain": "after"}))
    assert "takes more than" in page.text
    assert "too much of this run cannot be shown" in page.text
    assert "after" in page_with(hostile[1], display(data={"text/html": "<b>after</b>"})).text
