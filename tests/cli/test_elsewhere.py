"""A run that goes on on another machine, with its journal and a copy of its config."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from interp_bench_ext.record.events import RunEnded, RunResumed
from tests.agent.messages_server import MessagesServer
from tests.investigating import Bench, cell_ids, make_bench, scripted


@pytest.fixture
def bench(tmp_path):
    with MessagesServer(scripted) as server:
        yield make_bench(tmp_path / "there", server)


def moved(bench: Bench) -> Bench:
    """The same user on another machine: what lay in the old folder lies in another."""
    folder = bench.folder.with_name("here")
    shutil.move(bench.folder, folder)
    environment = {name: value.replace(str(bench.folder), str(folder)) for name, value in bench.environment.items()}
    return replace(bench, folder=folder, config=folder / bench.config.name, environment=environment)


def refused(bench: Bench, *arguments: str) -> str:
    return " ".join(bench.command("resume", "last", *arguments, expect=2).stderr.split())


@pytest.mark.slow
def test_a_run_goes_on_where_its_config_and_its_notebook_are(bench):
    bench.command("run", str(bench.config), "--out", str(bench.out), "--max-steps", "2", "--json", expect=1)
    here = moved(bench)
    run = here.record().id
    said = refused(here)
    assert f"run {run} was started from {bench.config}, and there is no such file on this machine" in said
    assert "--config PATH" in said
    said = refused(here, "--config", str(here.config))
    assert "that folder is not on this machine" in said
    assert f"`interp-bench resume {run} --notebook PATH`" in said
    other = here.folder / "other.yaml"
    other.write_text(here.config.read_text(encoding="utf-8").replace("tiny", "another"), encoding="utf-8")
    assert "name that one's config" in refused(here, "--config", str(other))

    notebook = here.folder / "moved.ipynb"
    options = ("--config", str(here.config), "--notebook", str(notebook), "--max-steps", "12")
    assert json.loads(here.command("resume", "last", *options, "--json").stdout)["status"] == "finished"
    shown = cell_ids(json.loads(notebook.read_text(encoding="utf-8")), run)
    assert shown == ["intro", "setup", "c3", "c4", "c5", "c6", f"end-{run}"]
    record = here.record()
    assert (record.config, record.notebook) == (here.config, notebook)
    journal = here.journal()
    resumed, ended = journal.last(run, RunResumed), journal.last(run, RunEnded)
    journal.close()
    assert resumed is not None
    assert (resumed.notebook, resumed.limits) == (str(notebook), {"max_steps": 12})
    assert ended == RunEnded(status="finished", message="")
