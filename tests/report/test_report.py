from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from interp_bench_ext.record.cells import Cell
from interp_bench_ext.record.events import (
    CellAdded,
    CellFinished,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
    Finding,
    FindingsRefused,
    FindingsSubmitted,
    HypothesisNoted,
    KernelWentAway,
    OrganismWentAway,
    RunEnded,
    RunPaused,
    RunStarted,
    RunUnpaused,
    Scored,
    StepStarted,
    WeightsIdentified,
)
from interp_bench_ext.record.provenance import Provenance, Revision
from interp_bench_ext.record.scores import Comparison
from interp_bench_ext.report import render_report
from interp_bench_ext.report.fold import fold
from interp_bench_ext.report.formats import count, duration
from tests.record.vectors import VECTORS, Vector

from . import sample_run
from .sample_run import Recorder, display, stream, text


class Page(HTMLParser):
    """What a browser would find: elements, attributes, visible text; unbalanced pages fail."""

    VOID = frozenset({"meta", "img", "br", "hr", "col"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(rows: sample_run.Rows, comparison: Comparison | None = None) -> Page:
    return Page(render_report(events=rows, title="A run", comparison=comparison))


def page_with(*outputs: dict, source: str = "1") -> Page:
    run = Recorder()
    run.begin()
    run.cell("c1", source, *outputs)
    return page_of(run.rows)


def test_a_finished_run_shows_everything():
    page = page_of(sample_run.good_run(), sample_run.BESIDE)
    for shown in (
        "The model steers conversations towards bees", "+72 points", "beekeeping-01", "claude-opus-5-5", "sandboxed",
        "loaded in 4.2 s", "the secret is named", "3/3", "0/6",
        "claims on nulls: 0 of 6 runs on 2 organisms", "raised an error", "Message to the agent", "refuted",
        "12 s waiting", "6 of 40", "Cost $0.126 of $2", "edited since", "$0.13",
    ):  # fmt: skip
        assert shown in page.text, shown
    assert "Nothing found" not in page.text


def test_evidence_links_lead_to_cells():
    page = page_of(sample_run.good_run())
    anchors = {attributes["id"] for _, attributes in page.elements if attributes.get("id")}
    links = [link["href"] for link in page.all("a")]
    assert links
    assert all(link and link.startswith("#") and link[1:] in anchors for link in links)


def test_the_page_is_self_contained():
    page = page_of(sample_run.good_run())
    assert {"script", "link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.elements)
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    images = page.all("img")
    assert images
    assert all(image["src"].startswith("data:image/png;base64,iVBOR") for image in images)
    css = re.search(r"<style>(.*?)</style>", render_report(events=[], title="t"), re.DOTALL)[1]
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-color-scheme: dark" in css


def test_nothing_found_is_shown_as_a_result():
    page = page_of(sample_run.null_run())
    assert "Nothing found" in page.text
    assert "right: there is no secret" in page.text
    assert "differ by less than noise" in page.text


@pytest.mark.parametrize(
    ("status", "shown", "cell"),
    [
        ("failed", "The run failed: Anthropic is overloaded", "interrupted"),
        ("interrupted", "The run was interrupted", "interrupted"),
        ("running", "The run has not ended", "was running"),
    ],
)
def test_runs_without_a_conclusion(status: str, shown: str, cell: str):
    page = page_of(sample_run.cut_off_run(status))
    assert shown in page.text
    assert "No conclusion" in page.text
    assert f"Cell 1step 1{cell}" in page.text
    assert "not known" in page.text


def test_no_events_at_all():
    assert "No conclusion" in page_of([]).text


def test_many_cells():
    html = render_report(events=sample_run.long_run(200), title="Long")
    page = Page(html)
    assert len([a for t, a in page.elements if t == "article" and a.get("id", "").startswith("cell-")]) == 200
    assert len(html) < 1_000_000


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


def test_what_a_run_was_made_of():
    made_of = Provenance(
        package="0.2.0", config="c0", organism="o0", techniques="t0", instructions="i0", condition="k0"
    )
    run = Recorder()
    run.add(RunStarted(public={}, agent="playbook", seed=0, notebook="/n.ipynb", provenance=made_of))
    run.add(WeightsIdentified(weights="w0", changed=True))
    run.step(1, text("A first look."))
    run.rows[-1] = (*run.rows[-1][:2], run.rows[-1][2].model_copy(update={"served_model": "claude-opus-5-5-20260801"}))
    commit = Revision(part="model", kind="hub commit", revision="40c06982")
    shown = Page(render_report(events=run.rows, title="A run", revisions=[commit])).text
    for part in (
        "0.2.0",
        "c0",
        "o0",
        "t0",
        "i0",
        "k0",
        "w0, others than in the run before",
        "model: hub commit 40c06982",
    ):
        assert part in shown, part
    assert "1 by claude-opus-5-5-20260801" in shown
    assert "40c06982" not in page_of(run.rows).text
    assert "Provenance" not in page_of(sample_run.null_run()).text


def test_what_the_validity_check_missed_stands_beside_the_claim():
    run = Recorder()
    run.begin()
    run.cell("c1", "1")
    whole = Finding(claim="It likes bees.", evidence=["c1"], control=["c1"])
    bare = Finding(claim="It likes rain.", evidence=["c1"])
    problems = ["Finding 2: control is empty; name the cells.", "No cell has asked the organism anything."]
    run.add(FindingsRefused(problems=problems))
    run.add(FindingsSubmitted(findings=[whole, bare], summary="", problems=problems))
    page = page_of(run.rows)
    first, second = page.text.split("It likes bees.")[1].split("It likes rain.")
    assert "The validity check missed" not in first
    assert "Controlcell 1" in first
    assert "Controlnone given" in second
    missed = second.split("The validity check missed")
    assert missed[1].startswith("control is empty; name the cells.")
    assert missed[2].startswith("No cell has asked the organism anything.")
    assert "The validity check sent the findings back. Finding 2: control is empty" in page.text


def test_html_keeps_its_shape_and_colours():
    page = page_with(display(data={"text/html": sample_run._TABLE}))
    assert len(page.all("td")) == 9
    assert sum("text-align:right" in (cell.get("style") or "") for cell in page.all("td")) == 6


def test_a_picture_comes_with_its_table_folded():
    page = page_with(display(data={"image/png": sample_run.chart(), "text/html": "<b>rows</b>", "text/plain": "p"}))
    assert page.all("img")[0]["alt"] == "p"
    assert {"class": "as-table"} in page.all("details")


def test_an_svg_can_only_be_a_picture():
    page = page_with(display(data={"image/svg+xml": "<svg><script>alert(1)</script></svg>"}))
    assert page.all("img")[0]["src"].startswith("data:image/svg+xml;base64,")


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


def test_a_cell_is_what_its_last_run_left():
    run = Recorder()
    run.cell("c1", "1/0", stream("first"), status="error")
    run.add(CellStarted(cell_id="c1"), CellOutput(cell_id="c1", index=0, output=stream("a")))
    run.add(CellOutput(cell_id="c1", index=0, output=stream("b")))
    run.add(CellFinished(cell_id="c1", status="ok", execution_count=2, duration_s=0.5))
    run.add(CellAdded(cell_id="c1", kind="code", source="again"), CellStarted(cell_id="gone"))
    story = fold(run.rows)
    cell = story.cells.by_id["c1"]
    assert (cell.source, cell.status, cell.execution_count) == ("1/0", "ok", 2)
    assert cell.outputs == [stream("b")]
    assert [item for item in story.items if isinstance(item, Cell)] == [cell]
    run.add(CellOutputsCleared(cell_id="c1"))
    assert fold(run.rows).cells.by_id["c1"].outputs == []


@pytest.mark.parametrize("vector", VECTORS)
def test_the_page_has_the_figures_and_cells_that_every_reader_has(vector: Vector) -> None:
    rows = [(entry.seq, entry.at, entry.event) for entry in vector.entries]
    page = " ".join(page_of(rows).text.split())
    for name, used in vector.figures["meters"].items():
        assert f"{name[:1].upper()}{name[1:]} {used} " in f"{page} "
    assert f"Duration{duration(60 * vector.figures['minutes'])}" in page
    assert f"Work{count(vector.figures['steps'], 'step')}" in page
    story = fold(rows)
    assert {cell.cell_id: cell.stands for cell in story.cells.by_id.values()} == {
        cell_id: cell["stands"] for cell_id, cell in vector.cells.items()
    }
    assert [step.number for step in story.steps] == list(range(1, vector.figures["steps"] + 1))
    assert sum(step.seconds for step in story.steps) <= 60 * vector.figures["minutes"]


def test_what_was_thought_when_is_told_in_the_time_that_the_run_was_driven():
    run = Recorder()
    run.begin()
    run.add(StepStarted(step=1))
    run.add(RunPaused())
    run.add(RunUnpaused(), after_s=5000)
    noted = {"status": "open", "evidence": [], "effect_size": None, "n": None}
    run.add(HypothesisNoted(claim="It hums", **noted))
    assert "step 1, after 5.0 s" in page_of(run.rows).text


def test_troubles_are_told_where_they_happened():
    run = Recorder()
    run.begin()
    run.add(OrganismWentAway(reason="killed.", restarting=True), KernelWentAway(reason="out of memory"))
    page = page_of(run.rows)
    assert "The organism was lost: killed. It was started again." in page.text
    assert "The kernel died: out of memory" in page.text
