"""A run's notebook is run again in a sandbox, by a command that the notebook itself names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.agent.messages_server import MessagesServer
from tests.investigating import Bench, make_bench, scripted
from tests.notebook.support import needs_sandbox
from tests.redteam.suite import attempt

ESCAPE = """
import os, pathlib
for path in {places!r}:
    try:
        pathlib.Path(path).write_text("escaped")
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with MessagesServer(scripted) as server:
        yield make_bench(tmp_path, server)


def add_cell(notebook: Path, source: str, cell_id: str) -> None:
    found: Any = nbformat.read(notebook, as_version=4)
    found.cells.append(nbformat.v4.new_code_cell(source, id=cell_id))  # type: ignore[no-untyped-call]
    nbformat.write(found, notebook)


def texts(notebook: Path) -> dict[str, str]:
    """What each cell has printed."""
    found: Any = nbformat.read(notebook, as_version=4)
    return {
        cell.id: "".join(output.get("text", "") for output in cell.outputs)
        for cell in found.cells
        if cell.cell_type == "code"
    }


@pytest.mark.slow
@needs_sandbox
@attempt("A7", "files", "The command that the notebook's first cell names runs the agent's code", veil="sandboxed")
def test_a_notebook_is_run_again_in_a_sandbox(bench: Bench) -> None:
    bench.command("run", str(bench.config), "--out", str(bench.out), "--json")
    record = bench.record()
    before = texts(record.notebook)
    outside = bench.folder / "escaped"
    add_cell(record.notebook, ESCAPE.format(places=[str(outside), "inside"]), "escape")
    add_cell(record.notebook, "1 / 0", "broken")
    intro = nbformat.read(record.notebook, as_version=4).cells[0].source  # type: ignore[no-untyped-call]
    assert f"interp-bench rerun {record.id}" in intro

    done = json.loads(bench.command("rerun", record.id[:4], "--json", expect=1).stdout)
    assert done["fails_anew"] == ["broken"]
    assert done["left_out"] == []
    again = Path(done["notebook"])
    assert again == record.notebook.with_name("investigation-rerun.ipynb")
    assert texts(again)["c5"] == before["c5"] == "texts: 2\n"
    assert texts(again)["escape"] == "FileNotFoundError\n"
    assert not outside.exists()
    assert (record.notebook.parent / "investigation-rerun_files" / "inside").read_text() == "escaped"
    assert texts(record.notebook)["escape"] == ""

    # Where there is no sandbox nothing runs, until a person allows it; then the same code gets out.
    (bench.folder / "bin").mkdir()
    (bench.folder / "bin" / "bwrap").symlink_to("/bin/false")
    bench.environment["PATH"] = f"{bench.folder / 'bin'}:{os.environ['PATH']}"
    said = bench.command("rerun", str(record.notebook), expect=1).stderr
    assert "--weaker-veil" in " ".join(said.split())
    assert not outside.exists()
    bench.command("rerun", str(record.notebook), "--in-place", "--weaker-veil", expect=1)
    assert outside.exists()
    assert "broken" in texts(record.notebook)


@pytest.mark.slow
def test_what_cannot_be_run_again_is_one_sentence(bench: Bench) -> None:
    assert "there is no such notebook" in bench.command("rerun", "gone.ipynb", expect=2).stderr
    stranger = bench.folder / "x.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), stranger)  # type: ignore[no-untyped-call]
    assert "name its config" in " ".join(bench.command("rerun", str(stranger), expect=2).stderr.split())
