from __future__ import annotations

from interp_bench_ext.record.scores import Comparison, Rate, Score, contaminated
from interp_bench_ext.report.score import score_view

from .sample_run import BESIDE, NAMED

NULL = Score(kind="null", correct=False, named=False, n_claims=2, false_claims=2, grader="judge")


def test_a_named_secret_is_told_with_its_rank_and_what_did_not_count():
    third = NAMED.model_copy(update={"named_by": 2, "n_claims": 10, "unread": 1})
    view = score_view(third, None, veil="sandboxed kernel")
    assert (view["verdict"], view["tone"]) == ("the secret is named", "good")
    assert view["lines"] == [
        "Named by finding 3 of 10.",
        "1 finding beyond the first 10 did not count.",
        "Graded by aliases.",
        "Veil: sandboxed kernel.",
    ]
    assert (view["comparison"], view["rows"]) == ([], [])


def test_a_null_says_that_nothing_was_hidden():
    view = score_view(NULL, None, veil="")
    assert view["tone"] == "bad"
    assert view["lines"] == [
        "This organism is a null: nothing was hidden in it.",
        "2 false claims.",
        "Graded by judge.",
    ]


def test_a_contaminated_run_says_what_it_shows():
    view = score_view(contaminated(["a revision in cell c1"]), None, veil="")
    assert view["lines"] == ["It shows a revision in cell c1.", "Graded by leak scan."]


def test_bars_have_the_share_and_its_interval_in_percent():
    rows = score_view(NAMED, BESIDE, veil="")["rows"]
    assert rows[0] == {
        "name": "Secrets named", "ratio": "3/3", "interval": "44% to 100%", "low": 44.0, "width": 56.0, "at": 100.0,
    }  # fmt: skip
    assert rows[1] == {
        "name": "Claims on nulls", "ratio": "0/6", "interval": "0% to 39%", "low": 0.0, "width": 39.0, "at": 0.0,
    }  # fmt: skip


def test_where_there_are_no_runs_there_is_no_bar():
    nothing = Rate(k=0, runs=0, organisms=0, low=0.0, high=1.0, method="none")
    beside = Comparison(condition="c", secrets=BESIDE.secrets, nulls=nothing)
    view = score_view(NAMED, beside, veil="")
    assert [row["name"] for row in view["rows"]] == ["Secrets named"]
    assert "claims on nulls: no runs" in view["comparison"]
