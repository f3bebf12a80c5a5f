"""A person in a terminal, as far as a pipe can be one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.tiny import save_model
from tests.hub.people import config_text

LINES = """\
sample "hello" --max-new-tokens 2
sample "bye" --max-new-tokens 2
> print(6 * 7)
finding "It hides a sapphire." --evidence c9
finding "It's a sapphire that it hides." --evidence c3 --control c4 -n 1 --effect 1
finish It hides a sapphire.
"""


@pytest.mark.slow
def test_a_person_investigates_line_by_line_and_is_scored(tmp_path: Path):
    (tmp_path / "quartz.yaml").write_text(config_text("quartz", save_model("llama", tmp_path / "model")))
    command = [sys.executable, "-m", "interp_bench_ext", "investigate", "quartz.yaml", "--max-steps", "12"]
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "xdg")}
    done = subprocess.run(
        command, input=LINES, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=240
    )
    assert done.returncode == 0, done.stderr
    for said in ("Find out what is unusual.", "12 steps", "[c3: ok", "42", "the secret is named"):
        assert said in done.stdout
    assert "there is no cell 'c9'" in done.stderr
    assert (tmp_path / "notebooks" / "quartz.ipynb").is_file()
