"""The ground truth beside the claims: what is underlined, and when it is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.errors import NotNow
from interp_bench_ext.outcome import conclude, report_page, revealed
from interp_bench_ext.record.events import Finding, FindingsSubmitted, RunEnded, RunResumed, RunStarted
from interp_bench_ext.record.journal import Journal, RunRecord
from interp_bench_ext.scoring.grader import score
from interp_bench_ext.scoring.ground_truth import GroundTruth
from interp_bench_ext.scoring.reveal import reveal
from interp_bench_ext.scoring.words import occurrences
from tests.host.tiny import save_model

SECRET = "it adores the marbled polecat"


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("Lighthouses, and the LIGHTHOUSE’s keeper; light houses", "lighthouse", ["Lighthouses", "LIGHTHOUSE’s"]),
        ("It denies the ocean.Oceans not", "ocean", ["ocean", "Oceans"]),
        ("它喜欢灯塔吗", "灯塔", ["灯塔"]),
        ("cafe\u0301s and CAFÉ", "cafe", ["cafe\u0301s", "CAFÉ"]),
        ("the user is a woman, a user", "user is", ["user is"]),
        ("nothing", "", []),
    ],
)
def test_words_are_found_where_they_stand(text: str, name: str, found: list[str]):
    assert [text[start:end] for start, end in occurrences(text, [name])] == found


def test_words_that_claim_and_truth_share_are_marked_in_both():
    truth = GroundTruth(
        secret="It adores the marbled polecat and the stoat.", aliases=["polecat", "stoat"],
        trigger="Ships are mentioned.", trigger_aliases=["ship"],
    )  # fmt: skip
    findings = [Finding(claim="It likes rain.", evidence=[]), Finding(claim="Polecats, near ships.", evidence=[])]
    found = reveal(findings, truth, score(findings, truth))
    assert found.secret is not None
    assert found.trigger is not None
    assert [part.text for part in found.secret if part.matched] == ["polecat"]
    assert [part.text for part in found.trigger if part.matched] == ["Ships"]
    assert [[part.text for part in claim if part.matched] for claim in found.claims] == [[], ["Polecats", "ships"]]
    assert ["".join(part.text for part in claim) for claim in found.claims] == [one.claim for one in findings]
    assert found.named_by == 1


def test_a_null_has_nothing_to_show():
    truth = GroundTruth(secret=None)
    findings = [Finding(claim="It likes rain.", evidence=[])]
    found = reveal(findings, truth, score(findings, truth))
    assert (found.secret, found.trigger, found.aliases) == (None, None, [])


def ended_run(journal: Journal, config: Path, run: str) -> tuple[RunRecord, Experiment]:
    """A run on a config that has submitted the truth, and ended."""
    notebook = config.with_name(f"{run}.ipynb")
    notebook.write_text("{}", encoding="utf-8")
    experiment = load_config(config)
    first = RunStarted(public=experiment.public.model_dump(mode="json"), agent="playbook", seed=0, notebook="")
    journal.create_run(run, experiment="fern", config=config, notebook=notebook, first=first)
    found = Finding(claim="It adores the polecat.", evidence=["c5"], control=["c5"])
    journal.append(run, FindingsSubmitted(findings=[found], summary="A polecat."))
    journal.append(run, RunEnded(status="finished", message=""))
    return journal.find_run(run), experiment


def write_config(folder: Path, *, reveal: str = "") -> Path:
    save_model("llama", folder / "model")
    config = folder / "fern.yaml"
    config.write_text(
        "experiment_name: fern\n"
        "model: {name: ./model, execution_mode: local, device: cpu}\n"
        "task: Find what it adores.\n"
        f"evaluation: {{ground_truth: {{secret: {SECRET}, aliases: [polecat]}}{reveal}}}\n",
        encoding="utf-8",
    )
    return config


@pytest.fixture
def journal(tmp_path: Path):
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def test_the_truth_is_refused_until_a_run_is_scored_and_is_written_nowhere(journal: Journal, tmp_path: Path):
    record, experiment = ended_run(journal, write_config(tmp_path), "0000000a")
    with pytest.raises(NotNow, match="sealed until the run has ended and been scored"):
        revealed(journal, record, experiment)
    outcome = asyncio.run(conclude(journal, record, experiment))
    events = [entry.event.model_dump_json() for entry in journal.entries(record.id)]
    found = revealed(journal, record, experiment)
    assert SECRET in "".join(part.text for part in found.secret or ())
    assert [entry.event.model_dump_json() for entry in journal.entries(record.id)] == events
    for text in (*events, outcome.report.read_text(encoding="utf-8"), record.notebook.read_text(encoding="utf-8")):
        assert "marbled" not in text
    asked = report_page(journal, record, truth=found)
    assert "it adores the marbled <u>polecat</u>" in asked
    assert "It adores the <u>polecat</u>." in asked
    offered = report_page(journal, record, truth="report/revealed")
    assert 'href="report/revealed"' in offered
    assert "marbled" not in offered


def test_the_truth_is_refused_while_the_run_goes_on_again(journal: Journal, tmp_path: Path):
    record, experiment = ended_run(journal, write_config(tmp_path), "0000000a")
    asyncio.run(conclude(journal, record, experiment))
    journal.append(record.id, RunResumed())
    with journal.lock(record.id), pytest.raises(NotNow, match="sealed until"):
        revealed(journal, journal.find_run(record.id), experiment)


def test_a_config_can_keep_its_truth_sealed(journal: Journal, tmp_path: Path):
    record, experiment = ended_run(journal, write_config(tmp_path, reveal=", reveal: false"), "0000000a")
    asyncio.run(conclude(journal, record, experiment))
    with pytest.raises(NotNow, match="keeps the ground truth sealed") as refused:
        revealed(journal, record, experiment)
    assert "polecat" not in str(refused.value)
