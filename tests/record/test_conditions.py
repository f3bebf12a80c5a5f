"""What the journal keeps for comparisons, event by event, and a journal that 0.1.0 has written."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from interp_bench_ext.outcome import comparison, comparison_of
from interp_bench_ext.record.events import RunForked, RunResumed, RunStarted, Scored, WeightsIdentified
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.record.provenance import Provenance, Revision, fingerprint
from interp_bench_ext.record.scores import Score

NAMED = Score(rules=2, kind="secret", correct=True, named=True, named_by=0, n_claims=1, false_claims=0)
MISSED = Score(rules=2, kind="secret", correct=False, named=False, n_claims=1, false_claims=1)
QUIET = Score(rules=2, kind="null", correct=True, named=False, n_claims=0, false_claims=0)
COMMIT = Revision(part="model", kind="hub commit", revision="40c069824f4251a91eefaf281ebe4c544efd3e18")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def made_of(condition: str = "c", organism: str = "o") -> Provenance:
    return Provenance(package="1", config="f", organism=organism, techniques="t", instructions="i", condition=condition)


def add(
    journal: Journal,
    run: str,
    *,
    score: Score | None = NAMED,
    weights: str = "w",
    condition: str = "c",
    organism: str = "o",
) -> None:
    place = Path(f"/runs/{run}")
    first = RunStarted(public={}, agent="a", seed=0, notebook=str(place), provenance=made_of(condition, organism))
    journal.create_run(run, experiment="e", config=place, notebook=place, first=first)
    journal.append(run, WeightsIdentified(weights=weights))
    if score is not None:
        journal.append(run, Scored(score=score))


def test_only_runs_of_one_condition_are_pooled(journal: Journal) -> None:
    add(journal, "one")
    add(journal, "two", score=MISSED)
    add(journal, "null", score=QUIET, organism="n")
    add(journal, "other", condition="d")
    add(journal, "unscored", score=None)
    found = comparison(journal, "one")
    assert (found.secrets.k, found.secrets.runs, found.secrets.organisms, found.nulls.runs) == (1, 2, 1, 1)
    assert found.left_out.other_conditions == 1
    assert found == comparison(journal, "null") == comparison_of(journal, "c")


def test_forks_stand_apart(journal: Journal) -> None:
    add(journal, "one")
    add(journal, "fork", score=None)
    journal.append("fork", RunForked(parent="one", cell_id="c1"))
    journal.append("fork", Scored(score=NAMED))
    for run in ("one", "fork"):
        found = comparison(journal, run)
        assert (found.secrets.runs, found.left_out.forks) == (1, 1)


def test_runs_with_other_weights_are_not_pooled_and_that_is_said(journal: Journal) -> None:
    add(journal, "old", score=MISSED, weights="before")
    add(journal, "new", weights="now")
    add(journal, "null", score=QUIET, organism="n")
    assert journal.conditions.weights_before("new") == "before"
    assert journal.conditions.weights_before("null") == ""
    for run, k in (("old", 0), ("new", 1), ("null", 1)):
        found = comparison(journal, run)
        assert (found.secrets.k, found.secrets.runs, found.left_out.other_weights) == (k, 1, 1)
    assert "1 run of the same organisms with other weights" in list(comparison(journal, "new").lines())[-1]


@pytest.mark.parametrize(
    "later",
    [
        RunResumed(provenance=made_of(condition="d")),
        RunResumed(provenance=made_of(organism="p")),
        RunResumed(),
        WeightsIdentified(weights="others"),
    ],
)
def test_a_run_that_went_on_otherwise_than_it_began_has_no_condition(
    journal: Journal, later: RunResumed | WeightsIdentified
) -> None:
    add(journal, "one")
    add(journal, "two")
    journal.append("two", RunResumed(provenance=made_of()))
    journal.append("two", WeightsIdentified(weights="w"))
    assert comparison(journal, "one").secrets.runs == 2
    journal.append("two", later)
    assert comparison(journal, "one").secrets.runs == 1
    alone = comparison(journal, "two")
    assert (alone.condition, alone.secrets.runs, alone.left_out.other_conditions) == ("", 1, 1)


def test_a_deleted_run_leaves_nothing(journal: Journal) -> None:
    add(journal, "one")
    journal.conditions.seal("one", [COMMIT])
    journal.delete_run("one")
    assert journal.conditions.of("one") is None
    assert journal.conditions.revisions("one") == []
    assert journal.conditions.count_scored() == 0


def test_revisions_stay_out_of_every_event_and_their_fingerprint_tells_nothing(tmp_path: Path) -> None:
    journals = [Journal(tmp_path / name / "journal.sqlite") for name in ("one", "two")]
    prints = [fingerprint(journal.conditions.key(), [COMMIT]) for journal in journals]
    assert prints[0] != prints[1]
    assert fingerprint(journals[0].conditions.key(), [COMMIT]) == prints[0]
    add(journals[0], "run", weights=prints[0])
    journals[0].conditions.seal("run", [COMMIT])
    said = "".join(body for _, body in journals[0].raw_entries("run"))
    assert prints[0] in said
    assert COMMIT.revision not in said
    assert journals[0].conditions.key().hex() not in said
    assert journals[0].conditions.revisions("run") == [COMMIT]


def test_a_journal_of_0_1_0_opens(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    old = sqlite3.connect(path)
    old.executescript(
        """
        CREATE TABLE runs (id TEXT PRIMARY KEY, experiment TEXT NOT NULL, config TEXT NOT NULL, notebook TEXT NOT NULL,
            created REAL NOT NULL);
        CREATE TABLE events (run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
            at REAL NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID;
        INSERT INTO runs VALUES ('old', 'amber', '/amber.yaml', '/n.ipynb', 1000);
        """
    )
    started = {"type": "run_started", "public": {}, "agent": "playbook", "seed": 0, "notebook": "/n.ipynb"}
    share = {"k": 1, "n": 1, "low": 0.2, "high": 1.0}
    score = {
        "kind": "secret", "correct": True, "named": True, "named_by": 0, "claim": "It flatters.", "n_claims": 1,
        "false_claims": 0, "grader": "aliases", "comparison": {"secrets": share, "nulls": {**share, "k": 0}},
    }  # fmt: skip
    bodies = [started, {"type": "run_resumed"}, {"type": "scored", "score": score}]
    for seq, body in enumerate(bodies, start=1):
        old.execute("INSERT INTO events VALUES ('old', ?, 1000, ?, ?)", (seq, body["type"], json.dumps(body)))
    old.commit()
    old.close()

    journal = Journal(path)
    first, _, last = journal.events("old")
    assert isinstance(first, RunStarted)
    assert first.provenance is None
    assert isinstance(last, Scored)
    assert (last.score.rules, last.score.named_by, last.score.claim) == (1, 0, "It flatters.")
    journal.append("old", RunResumed(provenance=made_of()))
    add(journal, "new")
    alone = comparison(journal, "old")
    assert (alone.secrets.k, alone.secrets.runs, alone.condition) == (1, 1, "")
    assert comparison(journal, "new").secrets.runs == 1
