from __future__ import annotations

from interp_bench_ext.record.events import RunStarted, WeightsIdentified
from interp_bench_ext.record.provenance import Provenance, Revision
from interp_bench_ext.report import render_report
from interp_bench_ext.report.provenance import provenance_view

from . import sample_run
from .reading import Page, page_of
from .sample_run import Recorder, text

MADE_OF = Provenance(package="0.2.0", config="c0", organism="o0", techniques="t0", instructions="i0", condition="k0")
COMMIT = Revision(part="model", kind="hub commit", revision="40c06982")


def started(provenance: Provenance | None) -> RunStarted:
    return RunStarted(public={}, agent="playbook", seed=0, notebook="/n.ipynb", provenance=provenance)


def test_of_what_is_not_known_there_is_no_row():
    assert provenance_view([], []) == []
    assert provenance_view([started(None)], []) == []


def test_digests_weights_and_revisions_are_rows():
    rows = provenance_view([started(MADE_OF), WeightsIdentified(weights="w0", changed=False)], [COMMIT])
    assert [(row["name"], row["value"]) for row in rows] == [
        ("Interp Bench", "0.2.0"),
        ("Condition", "k0"),
        ("Config", "c0"),
        ("Organism", "o0"),
        ("Techniques", "t0"),
        ("Instructions", "i0"),
        ("Weights", "w0"),
        ("", "model: hub commit 40c06982"),
    ]


def test_replies_are_counted_by_the_model_that_gave_them():
    run = Recorder()
    for number, model in enumerate(("a", "b", "a", None), start=1):
        run.step(number, text("Looking."))
        run.rows[-1] = (*run.rows[-1][:2], run.rows[-1][2].model_copy(update={"served_model": model}))
    rows = provenance_view([event for _, _, event in run.rows], [])
    assert [row["value"] for row in rows] == ["2 by a", "1 by b"]


def test_the_page_shows_revisions_only_where_they_are_given():
    run = Recorder()
    run.add(started(MADE_OF), WeightsIdentified(weights="w0", changed=True))
    shown = Page(render_report(events=run.rows, title="A run", revisions=[COMMIT])).text
    for part in ("Provenance", "k0", "w0, others than in the run before", "model: hub commit 40c06982"):
        assert part in shown, part
    assert "40c06982" not in page_of(run.rows).text
    assert "Provenance" not in page_of(sample_run.null_run()).text
