"""The whole job as a person has it: a shipped organism on the real small model, the playbook, a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from platformdirs import user_cache_dir


class Person:
    """A person's machine, with the small model fetched already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(Path(user_cache_dir()).resolve()),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        }

    def interp_bench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "interp_bench_ext", *arguments],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def investigate(self) -> nbformat.NotebookNode:
        """The notebook of an investigation that names its secret, at ``self.notebook``."""
        summary = json.loads(self.interp_bench("run", "birch", "--agent", "playbook", "--json").stdout)
        assert summary["score"]["named"] is True
        assert summary["findings"][0]["effect_size"] > 0.25
        self.notebook = Path(summary["notebook"])
        found = nbformat.read(self.notebook, 4)
        nbformat.validate(found)
        return found


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
def test_an_investigation_names_the_secret(tmp_path):
    assert facts_of(Person(tmp_path).investigate())


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1800)
def test_its_notebook_runs_again_from_top_to_bottom(tmp_path):
    person = Person(tmp_path)
    first = person.investigate()
    again = person.notebook.with_name("again.ipynb")
    execute = [sys.executable, "-m", "jupyter", "execute", str(person.notebook), "--output", str(again)]
    person.interp_bench("serve", "birch", "--", *execute)
    assert facts_of(first) == facts_of(nbformat.read(again, 4))


def facts_of(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell stated, in order: the same seeds on a fresh organism must give the same."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.get("data", {}).get("text/plain", "") for output in outputs]
    return [text for text in texts if text.startswith("facts: ")]
