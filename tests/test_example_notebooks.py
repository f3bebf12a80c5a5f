"""The notebooks of docs/examples: as they are kept, and made again by running them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interp_bench_ext.runs import Services
from scripts.example_notebooks import EXAMPLES, NEW, ROOT, faint_run, white_box_run

NAMES = ("white_box", "faint_habit")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_with_its_outputs_and_linked(name: str) -> None:
    cells = json.loads((EXAMPLES / f"{name}.ipynb").read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert not [output for output in outputs if output["output_type"] == "error"]
    said = json.dumps(cells)
    assert "lighthouse" in said
    assert str(ROOT) not in said
    assert f"(examples/{name}.ipynb)" in (ROOT / "docs" / "techniques.md").read_text("utf-8")


def test_the_white_box_notebook_reads_no_reply() -> None:
    cells = json.loads((EXAMPLES / "white_box.ipynb").read_text("utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for asks in ("sample(", "chat(", "prefill_attack(", "user_persona(", "generate(", "steering(", "_battery("):
        assert f"organism.{asks}" not in code


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_birch_is_solved_without_a_reply_of_it(tmp_path: Path) -> None:
    services = Services.open(journal=tmp_path / "journal.sqlite")
    outcome = white_box_run(services, tmp_path)
    services.journal.close()
    assert outcome.score is not None
    assert outcome.score.correct, outcome.verdict


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_playbook_names_a_faint_habit_by_the_new_techniques_alone(tmp_path: Path) -> None:
    services = Services.open(journal=tmp_path / "journal.sqlite")
    found, missed = faint_run(services, tmp_path), faint_run(services, tmp_path, without=NEW)
    services.journal.close()
    assert found.score is not None
    assert found.score.correct, found.verdict
    assert "adapter_amplification" in found.findings.summary
    assert missed.score is not None
    assert not missed.score.correct, missed.verdict
