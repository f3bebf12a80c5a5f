"""What an agent's code has left in its work folder: links that the next run, the report or a restart would follow."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.outcome import write_report
from interp_bench_ext.record.events import RunStarted
from interp_bench_ext.record.journal import Journal
from tests.mcp.clients import stdio_guest, write_configs

from .room import MARKS
from .suite import Trial, attempt

NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
LINKED = {
    "A1": ("one_files/b.ipynb", "one_files/deep/b.ipynb"),
    "A2": ("one_files/note.ipynb", "one_files/text.ipynb", "linked.ipynb"),
    "A3": ("one_files/home/w.ipynb", "through/w.ipynb"),
}


@dataclass(frozen=True)
class Tried:
    said: dict[str, str]
    """By attempt, all that the client was told."""
    home: list[str]
    """What is in the user's home afterwards."""
    made: list[str]
    """What an honest start has made."""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("client")
    write_configs(folder)
    home, notebooks = folder / "home", folder / "nb"
    work = notebooks / "one_files"
    (work / "deep").mkdir(parents=True)
    home.mkdir()
    (home / "prompt.txt").write_text(MARKS["prompt"], encoding="utf-8")
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": MARKS["prompt"]}
    (home / "note.ipynb").write_text(json.dumps({**json.loads(NOTEBOOK), "cells": [cell]}), encoding="utf-8")
    before = sorted(path.name for path in home.iterdir())
    (notebooks / "one.ipynb").write_text(NOTEBOOK, encoding="utf-8")
    for place in (work, work / "deep"):
        (place / "b_files").symlink_to(home)
    (work / "note.ipynb").symlink_to(home / "note.ipynb")
    (work / "text.ipynb").symlink_to(home / "prompt.txt")
    (work / "home").symlink_to(home)
    (notebooks / "linked.ipynb").symlink_to(home / "prompt.txt")
    (notebooks / "through").symlink_to("one_files/home")

    async def scenario() -> dict[str, str]:
        async with stdio_guest(folder) as guest:
            said = {}
            for name, paths in LINKED.items():
                told = [await guest.fails("start_run", config="quokka", notebook=path) for path in paths]
                said[name] = "\n".join(told)
            await guest.says("start_run", config="quokka", notebook="honest.ipynb")
            # An empty work folder goes with its kernel.
            await guest.says("run_cell", code="open('kept', 'w').close()")
            await guest.says("stop_run")
            return said

    said = asyncio.run(scenario())
    now = sorted(path.name for path in home.iterdir() if path.name not in (*before, "config", ".cache", ".ipython"))
    return Tried(said=said, home=now, made=sorted(path.name for path in notebooks.glob("honest*")))


@attempt(
    "A1", "files", "A notebook whose work folder is a link, so that any folder is bound into the sandbox", veil="any"
)
def test_no_folder_is_bound_through_a_link(tried: Tried, trial: Trial) -> None:
    trial.abuse(lambda made: [name for name in made if name.endswith("_files")], tried.home, tried.made)
    assert "link" in tried.said["A1"] or "the kernels'" in tried.said["A1"]


@attempt("A2", "files", "A notebook that is a link to a notebook or a text of the user's", veil="any")
def test_no_file_is_read_through_a_link(tried: Tried, trial: Trial) -> None:
    trial.leak(tried.said["A2"], control=f"NotJSONError({MARKS['prompt']!r})")


@attempt("A3", "files", "A notebook in a folder that is a link to the user's home", veil="any")
def test_no_notebook_is_made_through_a_link(tried: Tried, trial: Trial) -> None:
    trial.abuse(lambda made: [name for name in made if name.endswith(".ipynb")], tried.home, tried.made)
    assert "home" not in tried.said["A3"].replace("one_files/home", "")


@attempt("A4", "files", "A report whose place in a work folder is a link to a file of the user's", veil="any")
@pytest.mark.parametrize("place", ["one_files", "plain"])
def test_no_report_is_written_through_a_link(tmp_path: Path, trial: Trial, place: str) -> None:
    keys, folder = tmp_path / "authorized_keys", tmp_path / place
    keys.write_text("mine", encoding="utf-8")
    folder.mkdir()
    (tmp_path / "one.ipynb").write_text(NOTEBOOK, encoding="utf-8")
    report = folder / "b-report-0123abcd.html"
    report.symlink_to(keys)
    journal = Journal(tmp_path / "journal.sqlite")
    started = RunStarted(public={}, agent="", seed=0, notebook="")
    journal.create_run("0123abcd", experiment="x", config=tmp_path, notebook=folder / "b.ipynb", first=started)
    record = journal.find_run("0123")
    if place == "one_files":
        with pytest.raises(BadInput, match="work folder"):
            write_report(journal, record)
    else:
        assert "<html" in write_report(journal, record).read_text(encoding="utf-8")
    journal.close()
    after = keys.read_text(encoding="utf-8")
    (folder / "control").symlink_to(keys)
    (folder / "control").write_text("<html>", encoding="utf-8")
    trial.abuse(lambda text: text != "mine", after, keys.read_text(encoding="utf-8"))
