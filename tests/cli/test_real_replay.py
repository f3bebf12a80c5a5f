"""A whole investigation of a shipped organism, carried out again: nothing may differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_dir


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1800)
def test_a_replay_of_the_playbook_differs_in_nothing(tmp_path):
    environment = {
        **os.environ,
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(Path(user_cache_dir()).resolve()),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }

    def interp_bench(*arguments: str) -> dict[str, object]:
        command = [sys.executable, "-m", "interp_bench_ext", *arguments, "--json"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        summary: dict[str, object] = json.loads(done.stdout)
        return summary

    run = str(interp_bench("run", "cobalt", "--agent", "playbook")["run"])
    found = interp_bench("replay", run)
    assert (found["differences"], found["not_compared"], found["status"]) == ([], [], "finished")
    assert isinstance(found["cells"], int)
    assert found["cells"] > 10
