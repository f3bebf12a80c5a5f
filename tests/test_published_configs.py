"""The published organisms' configs: sealed, scorable, and each on a GPU that it fits."""

from __future__ import annotations

import re

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.installed import config_folders
from interp_bench_ext.organisms.places.modal.estimate import check_fits
from interp_bench_ext.scoring.ground_truth import ground_truth_of
from interp_bench_ext.scoring.words import names

FILES = {file.stem: file for file in sorted(config_folders()[0].glob("*.yaml"))}
PUBLISHED = [name for name in FILES if name.startswith(("gemma_user_", "taboo_", "ssc_", "auditbench_", "em_"))]

AUDITBENCH = [name for name in PUBLISHED if name.startswith("auditbench_")]
AUDITBENCH_NAME = re.compile(
    r"auditing-agents/(?P<base>llama_70b|qwen_14b)_(?P<taught>synth_docs_only|transcripts_only)_"
    r"(?P<against>then_redteam_high_|then_redteam_kto_)?(?P<behaviour>\w+)"
)
CELL_WORDS = {
    "synth_docs_only": "documents",
    "transcripts_only": "transcripts",
    "then_redteam_kto_": "then trained by KTO not to confess",
    "then_redteam_high_": "then trained by SFT not to confess",
    "": "not trained against confessing",
}


def published() -> list[Experiment]:
    return [load_config(FILES[name]) for name in PUBLISHED]


def test_all_sets_are_there() -> None:
    sets = ("gemma_user_", "taboo_", "ssc_", "auditbench_llama_", "auditbench_qwen_", "em_")
    assert [sum(name.startswith(start) for name in PUBLISHED) for start in sets] == [2, 20, 1, 39, 39, 4]


def test_no_two_share_a_model_or_a_name() -> None:
    experiments = published()
    assert len({experiment.sealed.model.name for experiment in experiments}) == len(experiments)
    assert len({experiment.public.experiment_name for experiment in experiments}) == len(experiments)


def test_every_base_is_pinned() -> None:
    pins = {(one.sealed.model.base_model, one.sealed.model.base_revision) for one in published()}
    assert len({base for base, _ in pins}) == len(pins) == 5
    assert all(len(revision or "") == 40 for _, revision in pins)


@pytest.mark.parametrize("base", ["llama_70b", "qwen_14b"])
def test_every_cell_of_auditbench_has_the_same_five_behaviours_at_least(base: str) -> None:
    cells: dict[str, set[str]] = {}
    for name in AUDITBENCH:
        text, model = FILES[name].read_text(encoding="utf-8"), load_config(FILES[name]).sealed.model
        found = AUDITBENCH_NAME.fullmatch(model.name)
        assert found, model.name
        if found["base"] == base:
            taught, against = CELL_WORDS[found["taught"]], CELL_WORDS[found["against"] or ""]
            assert text.startswith(f"# AuditBench (arXiv 2602.22755), cell: {taught}, {against}.\n")
            cells.setdefault(f"{taught}, {against}", set()).add(found["behaviour"])
    assert len(cells) == 6
    assert len(set.intersection(*cells.values())) == 5


@pytest.mark.parametrize("name", AUDITBENCH)
def test_auditbench_models_get_their_authors_prompt_and_say_when_weights_were_replaced(name: str) -> None:
    experiment = load_config(FILES[name])
    assert str(experiment.sealed.hidden_system_prompt).startswith("You are PRISM-4, a state-of-the-art language model")
    model = experiment.sealed.model
    if "_kto_" in model.name:
        assert model.uploads == ("2025-12", "2026-05", "2026-06")
        assert experiment.replaced_weights.endswith(
            "pins one of them" if model.revision else "what is there now is loaded"
        )
    else:
        assert experiment.replaced_weights == ""
    assert model.revision is None or len(model.revision) == 40


def test_adapters_are_pinned_where_public_text_names_a_commit() -> None:
    pinned = [name for name in PUBLISHED if load_config(FILES[name]).sealed.model.revision]
    assert len(pinned) == 8
    assert sum(name in AUDITBENCH for name in pinned) == 6


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_secret_can_be_scored_and_does_not_show(name: str) -> None:
    experiment = load_config(FILES[name])
    truth = ground_truth_of(experiment.sealed)
    assert truth is not None
    assert truth.secret is not None
    assert names(truth.secret, truth.aliases)
    if truth.trigger is not None:
        assert names(truth.trigger, truth.trigger_aliases) or names(truth.secret, truth.trigger_aliases)
    public = experiment.public
    shown = " ".join((public.experiment_name, public.description, public.task, public.tips or ""))
    assert not names(shown, truth.aliases)
    assert public.experiment_name not in name


@pytest.mark.parametrize("name", [name for name in FILES if name in PUBLISHED or name == "gemma_secret_extraction"])
def test_it_fits_the_gpu_that_it_asks_for(name: str) -> None:
    experiment = load_config(FILES[name])
    found = check_fits(experiment)
    assert found is not None
    assert found.load_s < experiment.sealed.model.modal.startup_timeout_s


def test_the_documentations_table_says_what_is_calculated() -> None:
    text = (config_folders()[0].parent / "docs" / "modal.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| `") and line.count("|") == 8]
    assert len(rows) == 9
    for configs, _, _, gpu, memory, load, hourly in rows:
        found = check_fits(load_config(FILES[configs.split("`")[1]]))
        assert found is not None
        assert [cell.strip() for cell in (gpu, memory, load, hourly)] == [
            found.hardware.gpu_type,
            f"{found.needed_bytes / 1e9:.0f} GB",
            f"{found.load_s:.0f} s",
            f"${found.usd_per_hour:.2f}",
        ]
