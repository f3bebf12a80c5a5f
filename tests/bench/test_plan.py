from __future__ import annotations

from pathlib import Path

from interp_bench_ext.bench.plan import plan, standing
from interp_bench_ext.config import PublicConfig, load_config
from interp_bench_ext.record.events import RunEnded, RunStarted
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.provenance import provenance_of


def test_what_counts_as_a_cells_run(tmp_path: Path) -> None:
    file, prompt = tmp_path / "one.yaml", tmp_path / "prompt.md"
    file.write_text("experiment_name: one\nmodel: {name: gpt2}\ntask: t\nprompt_path: prompt.md\n", encoding="utf-8")
    prompt.write_text("Investigate.", encoding="utf-8")
    journal = Journal(tmp_path / "journal.sqlite")
    experiment = load_config(file)
    [cell] = plan([experiment], runs=1, journal=journal, key=None)
    assert (cell.experiment.public.agent.provider, str(cell)) == ("playbook", "one, seed 0")

    def run(name: str, *, folder: str = "out", config: Path = file, known: bool = True, **changes: object) -> None:
        public: PublicConfig = cell.experiment.public.model_copy(update=changes)
        notebook = tmp_path / folder / name / "n.ipynb"
        as_run = type(experiment)(public=public, sealed=experiment.sealed, path=file)
        first = RunStarted(
            public=public.model_dump(mode="json"),
            agent="playbook",
            seed=public.seed,
            notebook=str(notebook),
            provenance=provenance_of(as_run, key=journal.conditions.key()) if known else None,
        )
        journal.create_run(name, experiment="one", config=config, notebook=notebook, first=first)

    def found() -> list[str]:
        return [record.id for record in standing([cell], journal, out=tmp_path / "out").values()]

    run("seed", seed=1)
    run("task", task="u")
    run("instructions", prompt="Investigate otherwise.")
    run("budget", agent=cell.experiment.public.agent.model_copy(update={"max_steps": 3}))
    run("folder", folder="elsewhere")
    run("config", config=tmp_path / "two.yaml")
    run("0.1.0", known=False)
    assert found() == []
    run("done")
    journal.append("done", RunEnded(status="finished", message=""))
    run("newer")
    assert found() == ["done"]
    assert len(standing([cell, cell], journal, out=tmp_path / "out")) == 2
    journal.close()


def test_seeds_are_consecutive_and_share_condition_and_organism(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("experiment_name: one\nmodel: {name: gpt2}\ntask: t\nruns: 3\nseed: 5\n", encoding="utf-8")
    journal = Journal(tmp_path / "journal.sqlite")
    cells = plan([load_config(file)], runs=None, journal=journal, key=None)
    assert [cell.seed for cell in cells] == [5, 6, 7]
    assert len({(cell.condition, cell.organism) for cell in cells}) == 1
    assert len({cell.key for cell in cells}) == 3
    journal.close()
