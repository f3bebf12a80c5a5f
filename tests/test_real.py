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


@pytest.mark.real
@pytest.mark.timeout(900)
def test_an_investigation_names_the_secret_and_its_notebook_runs_again(tmp_path):
    environment = {
        **os.environ,
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(Path(user_cache_dir()).resolve()),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }

    def interp_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "interp_bench_ext", *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    summary = json.loads(interp_bench("run", "cobalt", "--agent", "playbook", "--json").stdout)
    assert summary["score"]["named"] is True
    assert summary["findings"][0]["effect_size"] > 0.25
    notebook = Path(summary["notebook"])
    again = notebook.with_name("again.ipynb")
    execute = [sys.executable, "-m", "jupyter", "execute", str(notebook), "--output", str(again)]
    interp_bench("serve", "cobalt", "--", *execute)
    first, second = nbformat.read(notebook, 4), nbformat.read(again, 4)
    nbformat.validate(first)
    assert facts_of(first) == facts_of(second)


def facts_of(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell stated, in order: the same seeds on a fresh organism must give the same."""
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    return [line for text in texts for line in text.splitlines() if line.startswith("facts: ")]
