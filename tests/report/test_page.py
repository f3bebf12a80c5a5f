from __future__ import annotations

import re

import pytest

from interp_bench_ext.record.cell_events import KernelWentAway
from interp_bench_ext.record.events import (
    Finding,
    FindingsRefused,
    FindingsSubmitted,
    HypothesisNoted,
    OrganismWentAway,
    RunPaused,
    RunUnpaused,
    StepStarted,
)
from interp_bench_ext.report import render_report
from interp_bench_ext.report.fold import fold
from interp_bench_ext.report.formats import count, duration
from tests.record.vectors import VECTORS, Vector

from . import sample_run
from .reading import Page, page_of
from .sample_run import Recorder


def test_a_finished_run_shows_everything():
    page = page_of(sample_run.good_run(), sample_run.BESIDE)
    for shown in (
        "The model steers conversations towards bees", "+72 points", "beekeeping-01", "claude-opus-5-5", "sandboxed",
        "organism ready after 4.2 s", "the secret is named", "3/3", "0/6",
        "claims on nulls: 0 of 6 runs on 2 organisms", "raised an error", "Message to the agent", "refuted",
        "12 s waiting", "6 of 40", "Cost $0.126 of $2", "changed since", "$0.13",
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
