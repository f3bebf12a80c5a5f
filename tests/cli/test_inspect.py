"""Commands that look: what they print, where, and how wide; and what `call` refuses before it loads anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interp_bench_ext.record.cell_events import KernelStarted
from interp_bench_ext.record.events import (
    AgentReplied,
    Finding,
    FindingsSubmitted,
    RunEnded,
    RunForked,
    RunStarted,
    Scored,
)
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.record.scores import Score

CONFIG = "experiment_name: {name}\nmodel: {{name: ./model, execution_mode: local, device: cpu}}\ntask: find it\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user with a run that named its secret, one that was stopped and is a fork of it, and one that runs."""
    journal = Journal(tmp_path / "data" / "interp_bench" / "journal.sqlite")
    (tmp_path / "birch.yaml").write_text(CONFIG.format(name="birch"), encoding="utf-8")
    (tmp_path / "model").mkdir()
    for run, agent in (("aaaa0001", "anthropic claude-opus-5-5"), ("bbbb0002", "mcp codex-mcp-client")):
        folder = tmp_path / "a-rather-long-path-to-the-folder-of-the-notebooks-of-this-investigation"
        started = RunStarted(
            public={"agent": {"max_tokens": 90}}, agent=agent, seed=0, notebook=f"{folder}/{run}.ipynb"
        )
        config, notebook = tmp_path / "birch.yaml", folder / f"{run}.ipynb"
        journal.create_run(run, experiment="birch", config=config, notebook=notebook, first=started)
    finding = Finding(claim="It brings up [lighthouses].", evidence=["c3"])
    counts = {"input_tokens": 40, "output_tokens": 2, "cache_read_tokens": 20, "cache_write_tokens": 0}
    for event in (
        KernelStarted(veil="sandboxed"),
        AgentReplied(content=[], stop_reason="end_turn", cost_usd=None, estimated=True, **counts),
        FindingsSubmitted(findings=[finding], summary="Lighthouses."),
        RunEnded(status="finished", message=""),
        Scored(score=Score(kind="secret", correct=True, named=True, n_claims=1, false_claims=0)),
    ):
        journal.append("aaaa0001", event)
    journal.append("bbbb0002", RunForked(parent="aaaa0001", cell_id="c3"))
    journal.append("bbbb0002", RunEnded(status="interrupted", message="stopped by the user"))
    journal.close()
    return tmp_path


def command(home: Path, *arguments: str, columns: int | None = 80, expect: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    environment |= {"COLUMNS": str(columns)} if columns else {}
    done = subprocess.run(
        [sys.executable, "-m", "interp_bench_ext", *arguments],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, (done.stdout, done.stderr)
    return done


def test_runs_are_one_line_each_at_80_columns(home: Path) -> None:
    done = command(home, "runs")
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert lines[1].startswith("bbbb0002")
    for word in ("aaaa0001", "birch", "anthropic", "the secret is"):
        assert word in lines[2]


def test_a_pipe_is_given_whole_lines(home: Path) -> None:
    [line] = [line for line in command(home, "runs", columns=None).stdout.splitlines() if "bbbb0002" in line]
    assert line.split("  ")[-1].strip() == "bbbb0002.ipynb"
    assert "interrupted, fork of aaaa0001" in line
    rows = json.loads(command(home, "runs", "--json").stdout)
    assert [row["came_to"] for row in rows] == ["interrupted", "the secret is named"]
    assert rows[0]["agent"] == "mcp codex-mcp-client"


def test_show_speaks_of_what_there_is_in_words(home: Path) -> None:
    done = command(home, "show", "aaaa")
    assert done.stderr == ""
    rows = [line.split("  ", 1) for line in done.stdout.splitlines()]
    told = {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}
    assert told["tokens"] == "about 62 of 90"
    assert told["read from the cache"] == "33% of the input"
    assert told["finding"] == "It brings up [lighthouses]."
    for raw in ("cache_read_share", "tokens_estimated", "{", "message"):
        assert raw not in done.stdout


@pytest.mark.parametrize("name", ["configs", "techniques"])
def test_tables_are_on_stdout_within_the_terminal(home: Path, name: str) -> None:
    done = command(home, name)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) > 5
    assert all(len(line.rstrip()) <= 80 for line in done.stdout.splitlines())


def test_configs_that_run_here_come_first_with_a_line_each(home: Path) -> None:
    lines = command(home, "configs").stdout.splitlines()[1:]
    places = [line.split()[1] for line in lines]
    assert places == sorted(places)
    assert places[0] == "local"


def test_a_technique_goes_by_its_short_name(home: Path) -> None:
    assert command(home, "techniques", "lens").stdout.startswith("organism.logit_lens(prompt")
    assert "did you mean `lens`?" in command(home, "techniques", "lenss", expect=2).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("logit_lense",), "there is no technique 'logit_lense'; did you mean `logit_lens`?"),
        (("lens", "--arg", "promt=x"), "logit_lens has no argument 'promt'; did you mean `prompt`?"),
        (("prefill", "--arg", "prompts=x"), "prefill_attack needs prefills"),
        (("lens", "--arg", "prompt"), "--arg prompt: write it as name=value"),
        (("lens", "--arg", "prompt=x"), "the folder does not hold a model"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_before_the_organism_loads(
    home: Path, arguments: tuple[str, ...], said: str
) -> None:
    """The folder is no model, so that loading it fails: only the last call gets that far."""
    done = command(home, "call", "birch.yaml", *arguments, expect=2)
    assert said in " ".join(done.stderr.split())
    assert ("the folder" in done.stderr) == ("the folder" in said)


@pytest.mark.slow
def test_options_of_jupyterlab_need_no_dashes(home: Path) -> None:
    pytest.importorskip("jupyterlab")
    assert command(home, "lab", "--version").stdout[0].isdigit()


def test_commands_are_listed_by_what_they_are_for(home: Path) -> None:
    said = command(home, "--help").stdout
    for panel in ("Investigate", "Look", "What is installed", "Work by hand", "Modal"):
        assert f"─ {panel} ─" in said
